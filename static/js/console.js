// What HTML alone has not: keys, times in the reader's words, and a list that keeps still.
// Elements say what they take part in: data-key, data-rows, data-opens, data-submits, data-once,
// data-copies.
(() => {
  "use strict";

  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);

  function announce(words) {
    byId("announcement").textContent = words;
  }

  // Times -----------------------------------------------------------------------------------

  const UNITS = [[86400, "d"], [3600, "h"], [60, "min"]];

  function elapsed(seconds, form) {
    const [size, word] = UNITS.find(([size]) => seconds >= size) ?? [];
    if (!size) return form === "ago" ? "just now" : "now";
    return `${Math.floor(seconds / size)} ${word}${form === "ago" ? " ago" : ""}`;
  }

  function tellTimes() {
    for (const time of all("time[data-form]")) {
      const when = new Date(time.dateTime);
      const words = elapsed((Date.now() - when) / 1000, time.dataset.form);
      if (time.textContent !== words) time.textContent = words;
      time.title = when.toLocaleString([], { dateStyle: "long", timeStyle: "long" });
    }
  }

  // The socket ------------------------------------------------------------------------------

  const SILENCE = 75_000; // ms; the console says something every 30 s
  const ENDED = { 4401: "Signed out: reload", 4403: "No role any more", 4404: "Removed: reload" };
  let heard = Date.now();
  let socket = null;

  function connection(state, words) {
    const sign = byId("connection");
    if (sign) [sign.dataset.state, sign.textContent] = [state, words];
  }

  document.addEventListener("htmx:ws:after:connection", ({ detail }) => {
    [heard, socket] = [Date.now(), detail.connection.socket];
    connection("live", "Live");
  });
  document.addEventListener("htmx:ws:close", ({ detail }) => {
    connection("lost", ENDED[detail.code] ?? "Connecting again…");
  });
  document.addEventListener("htmx:ws:before:message:incoming", () => { heard = Date.now(); });

  // A socket may be dead without knowing, after a night's sleep for example.
  function doubtSilence() {
    if (socket && Date.now() - heard > SILENCE) {
      heard = Date.now();
      socket.close();
    }
  }

  function tellCount() {
    const waiting = byId("inbox-count")?.dataset.waiting;
    if (waiting === undefined) return;
    const before = Number(/^\((\d+)\) /.exec(document.title)?.[1] ?? 0);
    if (Number(waiting) === before) return;
    const title = document.title.replace(/^\(\d+\) /, "");
    document.title = waiting === "0" ? title : `(${waiting}) ${title}`;
    announce(`${waiting} waiting`);
  }

  document.addEventListener("htmx:after:swap", () => {
    tellTimes();
    tellCount();
  });
  setInterval(() => { tellTimes(); doubtSilence(); }, 15_000);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) { tellTimes(); doubtSilence(); }
  });

  // The inbox keeps still under the pointer and the focus: new rows wait behind a pill, rows that
  // somebody decided fade where they stand.

  const isRead = (list) => list.matches(":hover, :focus-within");

  function keepStill(list, coming) {
    const read = isRead(list);
    const shown = all(".row:not([data-closed]), .row.leaving", list);
    const rows = new Map(all(".row", coming).map((row) => [row.id, row]));
    const order = coming.querySelector(".rows");
    let above = null;
    for (const old of shown) {
      const row = rows.get(old.id) ?? (read && order ? old.cloneNode(true) : null);
      if (!row) continue;
      if (row.dataset.closed !== undefined || !rows.has(old.id)) {
        row.classList.add("leaving");
        above ? above.after(row) : order.prepend(row);
      }
      above = row;
    }
    const known = new Map(shown.map((row) => [row.id, row]));
    let held = 0;
    let below = false;
    for (const row of all(".row", coming).reverse()) {
      const old = known.get(row.id);
      if (!old && row.dataset.closed !== undefined && !row.querySelector("[aria-current]")) row.remove();
      else if (read && (old ? old.hidden : below)) [row.hidden, held] = [true, held + 1];
      else below ||= Boolean(old);
    }
    const pill = coming.querySelector("#inbox-new");
    if (pill) [pill.hidden, pill.firstElementChild.textContent] = [!held, `${held} new`];
  }

  function letMove(list) {
    for (const row of all(".row[hidden]", list)) row.hidden = false;
    for (const row of all(".row[data-gone]", list)) row.remove();
    byId("inbox-new").hidden = true;
  }

  document.addEventListener("htmx:before:swap", ({ detail }) => {
    for (const { target, fragment } of detail.tasks) {
      if (target?.id === "inbox-list") keepStill(target, fragment);
    }
  });
  const list = byId("inbox-list");
  if (list) {
    for (const left of ["pointerleave", "focusout"]) {
      list.addEventListener(left, () => setTimeout(() => isRead(list) || letMove(list)));
    }
    list.addEventListener("animationend", ({ target }) => {
      if (target.matches(".leaving")) isRead(list) ? (target.dataset.gone = "") : target.remove();
    });
    // The list stands where it stood on the page before.
    const pane = list.closest(".list-pane");
    pane.scrollTop = sessionStorage.getItem("list") ?? 0;
    addEventListener("pagehide", () => sessionStorage.setItem("list", pane.scrollTop));
  }

  // Pointers --------------------------------------------------------------------------------

  document.addEventListener("click", ({ target }) => {
    for (const menu of all("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
    const button = target.closest?.("[data-opens], [data-copies], [data-shows-new]");
    if (!button) return;
    if (button.dataset.opens) byId(button.dataset.opens).showModal();
    if (button.dataset.copies) {
      navigator.clipboard.writeText(button.dataset.copies).then(() => announce("Copied"));
    }
    if (button.dataset.showsNew !== undefined) {
      letMove(list);
      list.querySelector(".row-link").focus();
    }
  });
  document.addEventListener("change", ({ target }) => {
    if (target.dataset.submits !== undefined) target.form.requestSubmit();
  });

  // An order is sent once, however often its button is pressed.
  document.addEventListener("submit", (event) => {
    const { dataset } = event.target;
    if (dataset.once === "sent") event.preventDefault();
    else if (dataset.once !== undefined) dataset.once = "sent";
  });
  addEventListener("pageshow", () => { for (const form of all("[data-once]")) form.dataset.once = ""; });

  // Keys ------------------------------------------------------------------------------------

  const FIELDS = "input:not([type=checkbox], [type=radio], [type=submit]), textarea, select";
  const ROWS = "[data-rows] :is(.row-link, .plain-link, .tile-link)";
  let pressed = "";

  function move(step) {
    const links = all(ROWS).filter((link) => link.checkVisibility());
    const here = links.indexOf(document.activeElement);
    const open = links.findIndex((link) => link.hasAttribute("aria-current"));
    const next = here >= 0 ? here + step : open >= 0 ? open + step : 0;
    links[Math.min(Math.max(next, 0), links.length - 1)]?.focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const field = event.target.closest?.(FIELDS);
    if (field && event.key === "Escape") field.blur();
    if (field || document.querySelector("dialog[open]")) return;
    const keys = pressed + event.key;
    pressed = event.key === "g" && !pressed ? "g " : "";
    if (keys === "j") return move(1);
    if (keys === "k") return move(-1);
    const wanted = all(`[data-key="${CSS.escape(keys)}"]`);
    const found = wanted.find((element) => element.checkVisibility() && !element.disabled);
    if (!found) return;
    event.preventDefault();
    found.matches(FIELDS) ? found.select?.() ?? found.focus() : found.click();
  });

  tellTimes();
})();
