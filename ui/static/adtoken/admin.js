// The staff portal's small helps. Each page works without them.
(() => {
  const names = JSON.parse(document.currentScript.dataset.names); // of icons that stand alone, in the reader's language
  const ticks = () => [...document.querySelectorAll('input[type="checkbox"][name="_selected_action"]')];
  const sheet = document.querySelector("details.at-sheet");
  const all = document.querySelector("[data-pick-all]");
  const count = document.querySelector("[data-pick-count]");
  const show = () => {
    const picked = ticks().filter((tick) => tick.checked);
    ticks().forEach((tick) => tick.closest("tr").classList.toggle("at-row-picked", tick.checked));
    if (count) count.textContent = count.dataset.pickCount.replace("#", picked.length);
    if (all) { all.checked = picked.length > 0 && picked.length === ticks().length; all.indeterminate = picked.length > 0 && !all.checked; }
  };
  document.addEventListener("change", (event) => {
    if (event.target === all) ticks().forEach((tick) => { tick.checked = all.checked; });
    if (event.target === all || event.target.name === "_selected_action") show();
  });
  if (ticks().length) show();
  window.addEventListener("pageshow", () => ticks().length && show()); // Back keeps the ticks

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy-link]");
    if (button) {
      await navigator.clipboard.writeText(button.dataset.copyLink);
      button.lastChild.textContent = button.dataset.copied;
    }
    document.querySelectorAll("details.at-menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.querySelectorAll("details.at-menu[open]").forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
  });

  // The theme writes the name of a chosen file into a text field of its own widget, which our forms do not have.
  document.addEventListener("change", (event) => { if (event.target.type === "file" && event.target.closest(".at-field")) event.stopPropagation(); }, true);

  // The theme's icons are words of an icon font, which screen readers would read aloud: "format_list_bulleted Social Accounts".
  // A control that has nothing but an icon keeps a name.
  const hush = (root) => root.querySelectorAll(".material-symbols-outlined:not([aria-hidden])").forEach((icon) => {
    const control = icon.closest("a, button"), word = icon.textContent.trim();
    if (control && !control.title && !control.ariaLabel && control.textContent.trim() === word) control.ariaLabel = names[word] ?? word.replaceAll("_", " ");
    icon.setAttribute("aria-hidden", "true");
  });
  hush(document);
  new MutationObserver((changes) => changes.forEach(({ addedNodes }) => addedNodes.forEach((node) => node.parentElement && hush(node.parentElement)))).observe(document.body, { childList: true, subtree: true });

  // Django's picker of many rows makes a field without a name: it takes that of the list behind it. What was chosen is a list, or a text
  // field, within a combobox, where neither may be.
  const nameLists = () => document.querySelectorAll("select.admin-autocomplete").forEach((list) => {
    const made = list.nextElementSibling, shown = made?.querySelector(".select2-selection__rendered");
    const field = made?.querySelector(list.multiple ? ".select2-search__field" : ".select2-selection");
    if (!shown || !field) return;
    field.ariaLabel = list.ariaLabel || document.querySelector(`label[for="${list.id}"]`)?.textContent.trim();
    shown.setAttribute("role", "presentation");
    shown.removeAttribute("aria-readonly");
    if (list.multiple) return;
    field.id = `${list.id}-picker`;
    field.setAttribute("aria-labelledby", `${field.id} ${shown.id}`);
  });
  nameLists();
  window.addEventListener("load", () => setTimeout(nameLists)); // they are made then
  document.addEventListener("formset:added", () => setTimeout(nameLists));

  // A list that is typed as text is shown as chips, each with a button that takes it out. What is typed becomes one at a comma, a space,
  // Enter, or when the field is left. The field itself keeps the text. <input data-chips="Remove #" data-each="what one must look like">.
  document.querySelectorAll("[data-chips]").forEach((field) => {
    const box = document.createElement("div"), typed = document.createElement("input"), good = new RegExp(`^(?:${field.dataset.each})$`);
    const parts = (text) => text.split(/[\s,;]+/).filter(Boolean);
    let values = parts(field.value);
    box.className = "at-entries";
    ["id", "aria-describedby", "aria-invalid", "inputmode", "data-focus"].forEach((name) => {
      if (field.hasAttribute(name)) typed.setAttribute(name, field.getAttribute(name));
      field.removeAttribute(name);
    });
    typed.autocomplete = "off";
    const draw = () => {
      box.querySelectorAll(".at-entry").forEach((chip) => chip.remove());
      values.forEach((value) => {
        const chip = document.createElement("span"), off = document.createElement("button");
        chip.className = good.test(value) ? "at-entry" : "at-entry at-entry-bad";
        [off.type, off.textContent, off.ariaLabel] = ["button", "\u00d7", field.dataset.chips.replace("#", value)];
        off.addEventListener("click", () => { keep(values.filter((other) => other !== value)); typed.focus(); });
        chip.append(value, off);
        typed.before(chip);
      });
    };
    const keep = (next) => {
      values = next;
      field.value = values.join(", ");
      draw();
      field.dispatchEvent(new Event("change", { bubbles: true }));
    };
    const take = () => {
      const more = parts(typed.value);
      typed.value = "";
      if (more.length) keep([...new Set([...values, ...more])]);
    };
    typed.addEventListener("keydown", (event) => {
      const ends = [",", ";", " "].includes(event.key) || (event.key === "Enter" && typed.value);
      if (ends) { event.preventDefault(); take(); }
      else if (event.key === "Backspace" && !typed.value && values.length) keep(values.slice(0, -1));
    });
    typed.addEventListener("change", (event) => { event.stopPropagation(); take(); });
    typed.addEventListener("blur", take);
    typed.addEventListener("paste", () => setTimeout(take));
    box.addEventListener("click", (event) => event.target === box && typed.focus());
    field.form.addEventListener("submit", take, true);
    field.hidden = true;
    field.before(box);
    box.append(typed);
    draw();
  });

  // A part of a form that one choice alone uses is shown with it, or where something is wrong in it. <div data-used-with="field=value">.
  document.querySelectorAll("[data-used-with]").forEach((part) => {
    const [name, value] = part.dataset.usedWith.split("=");
    const { form } = part.querySelector("input, select, textarea") ?? {};
    const fit = () => { part.hidden = form.elements[name].value !== value && !part.querySelector(".at-error"); };
    if (!form?.elements[name]) return;
    form.addEventListener("change", fit);
    fit();
  });

  // On narrow screens tabs are one line: the one that is shown is brought into it.
  document.querySelectorAll(".at-tabs > [aria-current]").forEach((tab) => { tab.parentElement.scrollLeft = tab.offsetLeft - (tab.parentElement.clientWidth - tab.offsetWidth) / 2; });

  // On narrow screens the filters start folded.
  if (sheet && window.matchMedia("(max-width: 1023px)").matches) sheet.open = false;
  const broken = document.querySelector("[data-focus]");
  if (broken) broken.focus();
})();
