// What the page of a pause has beyond HTML: panels that open at once, keys that look before they
// leap, drafts that are kept, and forms that turn read-only when somebody else was first. It decides
// nothing by itself.
(() => {
  "use strict";

  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);
  const form = document.getElementById("decide");
  const pause = one("main.pause");
  if (!pause) return;

  // A link to one of several questions opens the page there.
  const opened = one("[data-opened]");
  if (opened?.matches(".ask-group ~ .ask-group") && !location.hash && !one("#errors")) opened.scrollIntoView();
  if (!form) return;

  // Panels: one call opens them by buttons, several by the choice made for each. -----------------

  function open(place, type) {
    place.dataset.type = type;
    const hidden = one("[data-type-of]", form);
    if (hidden) hidden.value = type;
    const words = all(`[data-words="${type}"]`, place).find((box) => box.checkVisibility());
    const edits = type === "edit" || type === "write";
    const field = edits && one('[data-panel~="edit"] :is(.input, [type=radio])', place);
    (words || field || one("[data-decides], [data-opens-panel]", place))?.focus();
  }

  pause.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens-panel]");
    if (!opener) return;
    event.preventDefault();
    open(pause, opener.dataset.opensPanel);
    keepSoon();
  });

  // Several things to decide --------------------------------------------------------------------

  const parts = all("[data-part]").filter((part) => part.closest("[data-open]"));
  const isOpen = (part) => !part.closest("[data-open]").matches("[data-closed]");
  const pillOf = (part) => document.getElementById(`pill-${part.dataset.part}`);
  const choices = (part) => all(".choose input", part);

  // A call is decided by its choice; whether a question is answered, the console says at the pill.
  function chosen(part) {
    if (!choices(part).length) return pillOf(part).dataset.decision;
    return choices(part).find((choice) => choice.checked)?.value ?? "";
  }

  function tellChoices() {
    if (!parts.length) return;
    for (const part of parts.filter((part) => choices(part).length)) {
      const pill = pillOf(part);
      part.dataset.type = pill.dataset.decision = chosen(part);
      one("[data-pill-word]", pill).textContent = ` ${chosen(part) || "undecided"}`;
    }
    const undecided = parts.filter((part) => isOpen(part) && !chosen(part));
    const approvable = undecided.filter((part) => one("[value=approve]:not([data-in-doubt])", part));
    one("[data-submit-all]").disabled = undecided.length > 0 || !parts.some(isOpen);
    one("[data-next-undecided]").hidden = undecided.length === 0;
    const button = one("[data-approve-all]");
    button.hidden = undecided.length < 2 || approvable.length < undecided.length;
    one("[data-count]", button).textContent = undecided.length;
  }

  function look(part) {
    part.scrollIntoView({ block: "start" });
    part.focus({ preventScroll: true });
  }

  const here = () => document.activeElement?.closest("[data-part]");
  let last = null; // the one that had the focus last, for after Escape
  pause.addEventListener("focusin", ({ target }) => { last = target.closest("[data-part]") ?? last; });

  function step(by) {
    const place = parts.indexOf(here() ?? last);
    const next = place < 0 ? (by > 0 ? 0 : parts.length - 1) : place + by;
    look(parts[(next + parts.length) % parts.length]);
  }

  function nextUndecided() {
    const place = parts.indexOf(here() ?? last);
    const order = [...parts.slice(place + 1), ...parts.slice(0, place + 1)];
    const next = order.find((part) => isOpen(part) && !chosen(part));
    if (next) look(next);
    return Boolean(next);
  }

  function choose(part, type) {
    const choice = choices(part).find((one) => one.value === type && !one.disabled);
    if (!choice) return;
    choice.click();
    open(part, type);
  }

  // Approve all makes the choices, but that of running again what may have run; sending them is a
  // step of its own.
  function approveAll() {
    for (const part of parts.filter((part) => isOpen(part) && !chosen(part))) {
      one("[value=approve]:not([data-in-doubt])", part)?.click();
    }
    one("[data-submit-all]").focus();
  }

  form.addEventListener("change", ({ target }) => {
    if (target.closest(".choose")) tellChoices();
  });
  form.addEventListener("pointerup", ({ target }) => {
    // The arrow keys walk over the choices: only a pointer moves the cursor on.
    const choice = target.closest(".choose-one")?.querySelector("input");
    if (choice) setTimeout(() => open(choice.closest("[data-part]"), choice.value));
  });
  pause.addEventListener("click", (event) => {
    const { target } = event;
    const pill = target.closest("[data-pill]");
    if (target.closest("[data-next-undecided]")) nextUndecided();
    else if (target.closest("[data-approve-all]")) approveAll();
    else if (target.closest("[data-step]")) step(Number(target.closest("[data-step]").dataset.step));
    else if (pill) {
      event.preventDefault();
      look(parts.find((part) => part.dataset.part === pill.dataset.pill));
    }
  });

  // Keys: the first `a` goes to Approve, the second one approves. So does `r` where Reject decides
  // at once, because the agent takes no reason. --------------------------------------------------

  function lookThenLeap(button) {
    if (!button?.checkVisibility()) return false;
    if (document.activeElement === button) button.click();
    button.scrollIntoView({ block: "nearest" });
    button.focus();
    return true;
  }

  function approve() {
    const part = here() ?? parts.find((part) => isOpen(part) && !chosen(part));
    lookThenLeap(part
      ? choices(part).find((one) => one.value === "approve")
      : one("[data-decides=approve]", pause));
  }

  const TYPES = { e: ["edit", "write"], r: ["reject"], m: ["respond"] };

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input:not([type=radio], [type=checkbox]), textarea, select, dialog");
    if (event.key === "Escape" && pause.dataset.type && !typing?.matches("dialog")) {
      event.stopImmediatePropagation();
      return open(pause, "");
    }
    if (typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "a") approve();
    else if (event.key === "n" && parts.length) {
      if (!nextUndecided()) return;
      event.stopImmediatePropagation();
    } else if (TYPES[event.key] && parts.length) {
      const part = here() ?? parts.find(isOpen);
      if (part) for (const type of TYPES[event.key]) choose(part, type);
    } else if (event.key !== "r" || !lookThenLeap(one("[data-decides=reject]", pause))) return;
    event.preventDefault();
  }, { capture: true });

  // What is typed is kept on the console, so that nothing is lost by leaving. --------------------

  const KEEP_AFTER = 600; // ms without another key
  let timer = 0;
  let typed = 0; // changes so far
  let kept = 0; // those the console has

  const isSent = () => form.dataset.sent !== undefined || form.dataset.closed !== undefined;

  async function keep(leaving = false) {
    clearTimeout(timer);
    if (kept === typed || isSent()) return;
    kept = typed;
    try {
      const body = new URLSearchParams(new FormData(form)); // no files, so the shorter form
      const answer = await fetch(form.dataset.keeps, { method: "POST", body, keepalive: leaving });
      if (!answer.ok) kept = -1;
      const refused = one("[data-unkept]");
      refused.textContent = answer.status === 422 ? await answer.text() : "";
      refused.hidden = !refused.textContent;
    } catch {
      kept = -1; // offline: the next key tries again
    }
  }

  function keepSoon() {
    typed += 1;
    clearTimeout(timer);
    timer = setTimeout(keep, KEEP_AFTER);
  }

  for (const event of ["input", "change"]) {
    document.addEventListener(event, ({ target }) => {
      if (target.form !== form) return;
      const state = target.id && one(`[data-state-of="${CSS.escape(target.id)}"]`, form);
      if (event === "input" && state && target.value.trim()) state.value = "value";
      if (target.closest("[data-hx-post]")) typed += 1; // its preview keeps it as well
      else keepSoon();
    });
  }
  document.addEventListener("htmx:before:request", ({ detail }) => { detail.ctx.typed = typed; });
  document.addEventListener("htmx:after:request", ({ detail }) => {
    if (detail.ctx.response.raw.ok) kept = detail.ctx.typed;
  });
  addEventListener("pagehide", () => keep(true));
  document.addEventListener("visibilitychange", () => { if (document.hidden) keep(); });
  addEventListener("beforeunload", (event) => {
    if (kept !== typed && !navigator.onLine && !isSent()) event.preventDefault();
  });

  document.addEventListener("htmx:before:request", (event) => {
    if (form.dataset.sent !== undefined) event.preventDefault(); // no preview of what is decided
  });

  // Somebody else was first: keep the words, take the buttons. ----------------------------------

  function turnReadOnly(elements) {
    for (const element of elements) {
      if (element.name === "csrfmiddlewaretoken") continue; // what is under way still needs it
      if (element.matches("textarea, input:not([type=radio], [type=checkbox], [type=hidden])")) element.readOnly = true;
      else element.disabled = true;
    }
  }

  function close(question, words) {
    const card = document.getElementById(`question-${question}`);
    if (card.dataset.open === undefined || card.dataset.closed !== undefined) return false;
    card.dataset.closed = "";
    for (const told of all("[data-closed-words]", card)) {
      told.textContent = `${words}. What you wrote stays here, to be copied.`;
      told.hidden = false;
    }
    const outside = [...form.elements].filter((element) => !element.closest("#decide"));
    const mine = outside.filter((element) => element.name.startsWith(`questions.${question}.`));
    turnReadOnly([...all("input, textarea, select, button", card), ...mine]);
    document.getElementById("announcement").textContent = words;
    return true;
  }

  // A preview that was under way was not answered: what is open asks for its own again.
  function previewAgain() {
    for (const part of parts.filter((part) => isOpen(part) && !choices(part).length)) {
      one("input, textarea, select", part)?.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }

  function closeWhatIsDecided() {
    let isNews = false;
    for (const question of all("#pause-questions [data-question]")) {
      if (question.dataset.status === "pending") continue;
      const words = one("[data-told]", question)?.textContent ?? question.textContent;
      if (close(question.dataset.question, words.trim().replace(/\s+/g, " "))) isNews = true;
    }
    if (form.dataset.closed === undefined && !one("[data-open]:not([data-closed])")) {
      form.dataset.closed = "";
      turnReadOnly(form.elements);
      one("[data-closed-all]").hidden = false;
    }
    tellChoices();
    if (isNews) previewAgain();
  }

  document.addEventListener("htmx:after:swap", closeWhatIsDecided);
  all("[data-with-script]").forEach((element) => { element.hidden = false; });
  tellChoices();
})();
