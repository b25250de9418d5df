// A [data-snippet] button puts its code into the field that [data-snippets-for] around it names, where the cursor is.
(function () {
  "use strict";
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-snippet]");
    if (!button) return;
    const field = document.getElementById(button.closest("[data-snippets-for]").dataset.snippetsFor);
    field.focus();
    field.setRangeText(button.dataset.snippet, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
})();
