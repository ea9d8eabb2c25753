/* Niceties only: every page works without this file. Hooks are data attributes, listed in docs/presentation.md. */
(() => {
  "use strict";

  /** Filters the rows of a list while one types. <input data-filter="#list">; rows carry data-text. */
  const filter = (input) => {
    const rows = document.querySelectorAll(`${input.dataset.filter} [data-text]`);
    input.addEventListener("input", () => {
      const words = input.value.trim().toLowerCase().split(/\s+/);
      rows.forEach((row) => {
        const text = row.dataset.text.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      });
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault(); // typing a name must not send the form
    });
  };

  /** Writes the number of ticks into the words. <form data-count> with <span data-count-none|one|many="… # …">. */
  const count = (form) => {
    const show = () => {
      const ticked = form.querySelectorAll('input[type="checkbox"][name]:checked:not(:disabled)').length;
      form.querySelectorAll("[data-count-many]").forEach((span) => {
        const { countNone, countOne, countMany } = span.dataset;
        const words = ticked === 0 ? countNone ?? countMany : ticked === 1 ? countOne ?? countMany : countMany;
        span.textContent = words.replace("#", String(ticked));
      });
    };
    form.addEventListener("change", show);
    show();
  };

  /** Ticks every row that is shown. <button type="button" hidden data-tick-all="#list" data-found="words once a filter hides some, with #">. */
  const tickAll = (button) => {
    const list = button.dataset.tickAll, words = button.textContent;
    const boxes = [...document.querySelectorAll(`${list} input[type="checkbox"]:not(:disabled)`)];
    const shown = () => boxes.filter((box) => !box.closest("[hidden]"));
    const name = () => {
      const found = shown().length;
      button.hidden = found === 0;
      button.textContent = found === boxes.length ? words : button.dataset.found.replace("#", String(found));
    };
    button.addEventListener("click", () => {
      shown().forEach((box) => { box.checked = true; });
      button.form?.dispatchEvent(new Event("change"));
    });
    document.querySelector(`[data-filter="${list}"]`)?.addEventListener("input", name);
    name();
  };

  /** Copies a link. <button type="button" hidden data-copy="https://…">; says so in its own words. */
  const copy = (button) => {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      const words = button.querySelector("[data-copy-words]") ?? button;
      words.textContent = button.dataset.copied;
      button.setAttribute("aria-live", "polite");
    });
  };

  /** Menus close by Escape (focus goes back to their button) and by a click elsewhere. */
  const menu = (details) => {
    details.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !details.open) return;
      details.open = false;
      details.querySelector("summary").focus();
    });
    document.addEventListener("click", (event) => {
      if (!details.contains(event.target)) details.open = false;
    });
  };

  /** Tells once that a person has the page before them, by the form's own token. <form data-opened="/address/">. */
  const opened = (form) => {
    fetch(form.dataset.opened, { method: "POST", body: new FormData(form), keepalive: true }).catch(() => {});
  };

  const each = (selector, act) => document.querySelectorAll(selector).forEach(act);
  each("[data-filter]", filter);
  each("form[data-count]", count);
  each("[data-tick-all]", tickAll);
  each("[data-copy]", copy);
  each("form[data-opened]", opened);
  each("details.at-menu", menu);
  document.querySelector("[data-focus]")?.focus();
})();
