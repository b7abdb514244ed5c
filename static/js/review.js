// What the page of one pause has beyond HTML: panels that open at once, keys that look before they
// leap, and a form that turns read-only when somebody else was first. It decides nothing by itself.
(() => {
  "use strict";

  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const form = document.getElementById("decide");
  const pause = document.querySelector("main.pause");
  if (!form || !pause) return;
  const controls = () => [...form.elements].filter((element) => element.type !== "hidden");

  // Panels: one call opens them by buttons, several by the choice made for each. -----------------

  function open(place, type) {
    place.dataset.type = type;
    const hidden = form.querySelector("[data-type-of]");
    if (hidden) hidden.value = type;
    const words = all(`[data-words="${type}"]`, place).find((box) => box.checkVisibility());
    const field = type === "edit" && place.querySelector('[data-panel="edit"] :is(.input, [type=radio])');
    (words || field || place.querySelector("[data-decides], [data-opens-panel]"))?.focus();
  }

  pause.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens-panel]");
    if (!opener) return;
    event.preventDefault();
    open(pause, opener.dataset.opensPanel);
  });

  // Several calls -------------------------------------------------------------------------------

  const calls = all("[data-call]");
  const chosen = (call) => call.querySelector(".choose :checked")?.value ?? "";

  function tellChoices() {
    if (!calls.length) return;
    for (const call of calls) {
      const pill = document.querySelector(`[data-pill="${call.dataset.call}"]`);
      call.dataset.type = pill.dataset.decision = chosen(call);
      pill.querySelector("[data-pill-word]").textContent = ` ${chosen(call) || "undecided"}`;
    }
    const open = calls.filter((call) => !chosen(call)).length;
    document.querySelector("[data-submit-all]").disabled = open > 0;
    document.querySelector("[data-next-undecided]").hidden = open === 0;
  }

  function look(call) {
    call.scrollIntoView({ block: "start" });
    call.focus({ preventScroll: true });
  }

  function nextUndecided() {
    const here = calls.indexOf(document.activeElement?.closest("[data-call]"));
    const order = [...calls.slice(here + 1), ...calls.slice(0, here + 1)];
    const next = order.find((call) => !chosen(call));
    if (next) look(next);
    return Boolean(next);
  }

  function choose(call, type) {
    const choice = call?.querySelector(`.choose [value="${type}"]`);
    if (!choice) return;
    choice.click();
    open(call, type);
  }

  form.addEventListener("change", ({ target }) => {
    if (target.closest(".choose")) tellChoices();
    form.dataset.touched = "";
  });
  form.addEventListener("pointerup", ({ target }) => {
    // The arrow keys walk over the choices: only a pointer moves the cursor on.
    const choice = target.closest(".choose-one")?.querySelector("input");
    if (choice) setTimeout(() => open(choice.closest("[data-call]"), choice.value));
  });
  pause.addEventListener("click", ({ target }) => {
    if (target.closest("[data-next-undecided]")) nextUndecided();
  });

  // Keys: the first `a` goes to Approve, the second one approves. -------------------------------

  function approve() {
    const call = document.activeElement?.closest("[data-call]") ?? calls.find((one) => !chosen(one));
    const button = call ? call.querySelector(".choose [value=approve]") : pause.querySelector("[data-decides=approve]");
    if (!button?.checkVisibility()) return;
    if (document.activeElement === button) return button.click();
    button.scrollIntoView({ block: "nearest" });
    button.focus();
  }

  const TYPES = { e: "edit", r: "reject", m: "respond" };

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input:not([type=radio]), textarea, select, dialog");
    if (event.key === "Escape" && pause.dataset.type && !typing?.matches("dialog")) {
      event.stopImmediatePropagation();
      return open(pause, "");
    }
    if (typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "a") approve();
    else if (event.key === "n" && calls.length) {
      if (!nextUndecided()) return;
      event.stopImmediatePropagation();
    } else if (TYPES[event.key] && calls.length) {
      choose(document.activeElement?.closest("[data-call]") ?? calls[0], TYPES[event.key]);
    } else return;
    event.preventDefault();
  }, { capture: true });

  // What is typed -------------------------------------------------------------------------------

  form.addEventListener("input", ({ target }) => {
    form.dataset.touched = "";
    const state = target.id && form.querySelector(`[data-state-of="${CSS.escape(target.id)}"]`);
    if (state && target.value.trim()) state.value = "value";
  });
  addEventListener("beforeunload", (event) => {
    if (form.dataset.touched !== undefined && form.dataset.sent === undefined) event.preventDefault();
  });
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent !== undefined) event.preventDefault(); // a second click changes nothing
    else form.dataset.sent = "";
  });
  addEventListener("pageshow", () => delete form.dataset.sent); // back from the page after
  document.addEventListener("htmx:before:request", (event) => {
    if (form.dataset.sent !== undefined) event.preventDefault(); // no preview of what is decided
  });

  // Somebody else was first: keep the words, take the buttons. ----------------------------------

  function close() {
    const state = document.getElementById("interrupt-state");
    if (state.dataset.status === "pending" || form.dataset.closed !== undefined) return;
    form.dataset.closed = "";
    delete form.dataset.touched;
    for (const element of controls()) {
      if (element.matches("textarea, input:not([type=radio], [type=checkbox])")) element.readOnly = true;
      else element.disabled = true;
    }
    const told = document.querySelector("[data-closed-words]");
    told.prepend(state.textContent.trim().replace(/\s+/g, " "));
    told.hidden = false;
    document.getElementById("announcement").textContent = told.textContent;
  }

  document.addEventListener("htmx:after:swap", close);
  tellChoices();
})();
