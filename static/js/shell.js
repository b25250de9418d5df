// What every page can do: fold the menu, close messages, ask before acting, place definitions.
(function () {
  "use strict";

  function toggle(button) {
    const target = document.getElementById(button.dataset.toggles);
    const open = target.classList.toggle("show");
    button.setAttribute("aria-expanded", String(open));
  }

  document.addEventListener("click", (event) => {
    const toggler = event.target.closest("[data-toggles]");
    if (toggler) toggle(toggler);
    const dismiss = event.target.closest("[data-dismiss]");
    if (dismiss) dismiss.closest("[data-dismissible]").remove();
    document.querySelectorAll("details.user-menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details.user-menu[open]").forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });

  // In a low window the menu is scrolled to where the page stands.
  document.querySelector('.sidebar-nav [aria-current="page"]')?.scrollIntoView({ block: "nearest" });

  // A form with data-confirm="sentence" (data-confirm-title, -yes, -no) asks first; hx-confirm uses the same dialog.
  function ask(sentence, source, proceed) {
    const dialog = document.getElementById("confirm-dialog");
    dialog.querySelector("#confirm-title").textContent = source.dataset.confirmTitle || "Are you sure?";
    dialog.querySelector("#confirm-text").textContent = sentence;
    dialog.querySelector("[data-confirm-yes]").textContent = source.dataset.confirmYes || "Continue";
    dialog.querySelector("[data-confirm-no]").textContent = source.dataset.confirmNo || "Cancel";
    dialog.returnValue = "no";
    dialog.addEventListener("close", () => dialog.returnValue === "yes" && proceed(), { once: true });
    dialog.showModal();
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.confirm || form.dataset.confirmed) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const submitter = event.submitter;
    ask(form.dataset.confirm, form, () => {
      form.dataset.confirmed = "yes";
      form.requestSubmit(submitter);
      delete form.dataset.confirmed;
    });
  }, true);

  document.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.question) return;
    event.preventDefault();
    ask(event.detail.question, event.detail.elt, () => event.detail.issueRequest(true));
  });

  // Definitions stand under their term, inside the window.
  document.addEventListener("toggle", (event) => {
    const text = event.target;
    if (!text.classList || !text.classList.contains("definition-text") || event.newState !== "open") return;
    const term = document.querySelector(`[popovertarget="${text.id}"]`).getBoundingClientRect();
    const left = Math.min(term.left, window.innerWidth - text.offsetWidth - 16);
    const below = term.bottom + 6;
    const fits = below + text.offsetHeight < window.innerHeight;
    text.style.left = `${Math.max(16, left)}px`;
    text.style.top = `${fits ? below : term.top - text.offsetHeight - 6}px`;
  }, true);

  document.addEventListener("mouseover", (event) => showDefinition(event.target, true));
  document.addEventListener("mouseout", (event) => showDefinition(event.target, false));

  function showDefinition(target, shown) {
    const term = target.closest && target.closest("button.definition");
    if (!term || !window.matchMedia("(hover: hover)").matches) return;
    const text = document.getElementById(term.getAttribute("popovertarget"));
    if (shown && !text.matches(":popover-open")) text.showPopover();
    if (!shown && text.matches(":popover-open") && document.activeElement !== term) text.hidePopover();
  }
})();
