// Draws every [data-chart] from the JSON block whose id it names (see common/charts.py), in the colours of the theme.
(function () {
  "use strict";
  const charts = new Map();
  const HUES = ["--chart-1", "--chart-2", "--chart-3", "--chart-4", "--chart-5", "--chart-6"];
  let loading = null;

  function library() {
    loading ||= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = document.querySelector('meta[name="echarts"]').content;
      script.onload = () => resolve(window.echarts);
      script.onerror = reject;
      document.head.append(script);
    });
    return loading;
  }

  // Tabler's colours are oklch(); ECharts computes with rgb, so a pixel translates them.
  const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  function rgba(colour, alpha = 1) {
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = colour;
    pixel.fillRect(0, 0, 1, 1);
    const [r, g, b] = pixel.getImageData(0, 0, 1, 1).data;
    return `rgba(${r}, ${g}, ${b}, ${alpha})`;
  }

  function palette(element) {
    const probe = document.createElement("span");
    element.append(probe);
    const read = (name) => {
      probe.style.color = `var(${name})`;
      return rgba(getComputedStyle(probe).color);
    };
    const colours = {
      series: HUES.map(read),
      text: read("--chart-text"),
      line: read("--tblr-border-color"),
      surface: read("--tblr-bg-surface"),
    };
    probe.remove();
    return colours;
  }

  function formatter(spec) {
    if (spec.unit === "percent") {
      return (value) => `${(value * 100).toLocaleString("en-GB", { maximumFractionDigits: 1 })} %`;
    }
    if (spec.unit === "money") {
      const format = new Intl.NumberFormat("en-GB", { style: "currency", currency: spec.currency });
      const digits = format.resolvedOptions().maximumFractionDigits;
      return (value) => format.format(value / 10 ** digits).replace(/\.00$/, "");
    }
    return (value) => value.toLocaleString("en-GB", { maximumFractionDigits: 2 });
  }

  const faded = (colour, alpha) => colour.replace(/, 1\)$/, `, ${alpha})`);

  function axes(spec, colours, format, room) {
    const label = { color: colours.text, fontSize: 12, lineHeight: 15 };
    const lies = spec.kind === "bar" || spec.kind === "interval";
    const value = {
      type: "value",
      axisLabel: { ...label, formatter: format, hideOverlap: true },
      splitLine: { lineStyle: { color: colours.line } },
      splitNumber: 4,
      minInterval: spec.unit === "count" ? 1 : undefined,
    };
    const category = {
      type: "category",
      data: spec.categories,
      inverse: lies,
      boundaryGap: !["line", "area"].includes(spec.kind),
      axisLabel: { ...label, hideOverlap: !lies, width: lies ? room : undefined, overflow: lies && room > 130 ? "break" : "truncate" },
      axisLine: { lineStyle: { color: colours.line } },
      axisTick: { show: false },
    };
    return lies ? { xAxis: value, yAxis: category } : { xAxis: category, yAxis: value };
  }

  function interval(series, colour) {
    const bars = series.values.map((_, row) => ({
      type: "line",
      name: series.name,
      data: [[series.low[row], row], [series.high[row], row]],
      symbol: "none",
      silent: true,
      lineStyle: { width: 8, color: faded(colour, 0.35), cap: "round" },
    }));
    const points = series.values.map((value, row) => [value, row]);
    const zero = { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: colour, type: "dashed" }, data: [{ xAxis: 0 }] };
    return [...bars, { type: "scatter", name: series.name, data: points, symbolSize: 12, itemStyle: { color: colour, opacity: 1 }, markLine: zero }];
  }

  function band(series, colour) {
    if (!series.low.length) return [];
    const width = series.high.map((high, row) => (high === null ? null : high - series.low[row]));
    const common = { type: "line", name: `${series.name}, interval`, stack: `band ${series.name}`, stackStrategy: "all", symbol: "none", silent: true, lineStyle: { opacity: 0 } };
    return [
      { ...common, data: series.low },
      { ...common, data: width, areaStyle: { color: faded(colour, 0.2) } },
    ];
  }

  function drawn(spec, colours) {
    return spec.series.flatMap((series, index) => {
      const colour = colours.series[index % colours.series.length];
      if (spec.kind === "interval") return interval(series, colour);
      const common = { name: series.name, data: series.values, color: colour, stack: spec.stacked ? "all" : undefined };
      if (spec.kind === "bar" || spec.kind === "column") {
        const radius = spec.stacked ? 0 : spec.kind === "bar" ? [0, 3, 3, 0] : [3, 3, 0, 0];
        return [{ ...common, type: "bar", barMaxWidth: 36, itemStyle: { borderRadius: radius } }];
      }
      const area = spec.kind === "area" && !series.low.length ? { color: faded(colour, 0.18) } : undefined;
      const symbols = spec.categories.length > 31 ? "none" : "circle";
      return [...band(series, colour), { ...common, type: "line", symbol: symbols, symbolSize: 5, lineStyle: { width: 2 }, areaStyle: area }];
    });
  }

  // A place is two nodes, so that people who go both ways make no circle, which a Sankey diagram cannot have.
  function flow(spec, element, colours) {
    const sides = [["from", 0], ["to", 1]];
    const names = [...new Set(spec.streams.flatMap(([start, end]) => [start, end]))];
    const nodes = sides.flatMap(([side, column]) =>
      [...new Set(spec.streams.map((stream) => stream[column]))].map((name) => ({
        name: `${side} ${name}`,
        itemStyle: { color: colours.series[names.indexOf(name) % colours.series.length] },
        label: { position: column ? "left" : "right", formatter: name },
      })));
    const links = spec.streams.map(([start, end, value]) => ({ source: `from ${start}`, target: `to ${end}`, value }));
    return {
      animation: false,
      textStyle: { fontFamily: getComputedStyle(element).fontFamily, color: colours.text },
      series: [{
        type: "sankey",
        data: nodes,
        links,
        left: 8, right: 8, top: 8, bottom: 8,
        draggable: false,
        emphasis: { focus: "adjacency" },
        lineStyle: { color: "source", opacity: 0.35 },
        label: { color: colours.text, fontSize: 12 },
      }],
    };
  }

  function option(spec, element) {
    const colours = palette(element);
    if (spec.kind === "flow") return flow(spec, element, colours);
    const format = formatter(spec);
    const named = spec.series.length > 1;
    return {
      animation: !window.matchMedia("(prefers-reduced-motion: reduce)").matches,
      animationDuration: 300,
      textStyle: { fontFamily: getComputedStyle(element).fontFamily, color: colours.text },
      grid: { left: 8, right: 20, top: named ? 40 : 12, bottom: 4, outerBoundsMode: "same", containLabel: true },
      legend: named ? { top: 0, left: 0, icon: "roundRect", itemWidth: 12, itemHeight: 12, textStyle: { color: colours.text }, data: spec.series.map((s) => s.name) } : undefined,
      tooltip: {
        trigger: spec.kind === "interval" ? "item" : "axis",
        backgroundColor: colours.surface,
        borderColor: colours.line,
        textStyle: { color: colours.text },
        confine: true,
        formatter: (found) => tooltip(Array.isArray(found) ? found : [found], spec, format),
      },
      ...axes(spec, colours, format, Math.max(130, Math.min(300, element.clientWidth * 0.42))),
      series: drawn(spec, colours),
    };
  }

  function tooltip(points, spec, format) {
    const row = spec.kind === "interval" ? points[0].value[1] : points[0].dataIndex;
    const box = document.createElement("div");
    box.append(spec.categories[row]);
    spec.series.forEach((series) => {
      const value = series.values[row];
      const line = document.createElement("div");
      const range = series.low.length && series.low[row] !== null ? ` (${format(series.low[row])} to ${format(series.high[row])})` : "";
      line.textContent = `${series.name}: ${value === null ? "–" : format(value)}${range}`;
      box.append(line);
    });
    return box;
  }

  async function draw(root) {
    const found = [...root.querySelectorAll("[data-chart]")].filter((figure) => !charts.has(figure));
    if (!found.length) return;
    const echarts = await library();
    found.forEach((figure) => {
      const canvas = figure.querySelector(".chart-canvas");
      const spec = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
      const chart = echarts.init(canvas, null, { renderer: "svg" });
      chart.setOption(option(spec, canvas));
      new ResizeObserver(() => chart.resize()).observe(canvas);
      charts.set(figure, { chart, spec, canvas });
      figure.dataset.drawn = "yes";
    });
  }

  document.addEventListener("regards:theme", () => {
    charts.forEach(({ chart, spec, canvas }) => chart.setOption(option(spec, canvas), true));
  });
  document.addEventListener("htmx:afterSettle", (event) => draw(event.target));
  draw(document);
})();
