// Sends a decision without leaving the page first: a browser takes some 20 ms to leave before its
// request does, and the agent waits for the request. The page goes to the receipt when the console
// says that the decision is taken. Whatever else it says, or if it says nothing, the browser sends
// the same once more, as without script, and shows the answer: what was refused has changed nothing,
// and what was taken after all is told so.
(() => {
  "use strict";

  const form = document.getElementById("decide");
  if (!form) return;

  let leaves = 0; // how often the page was left: an answer that comes later is nobody's any more

  addEventListener("pagehide", () => { leaves += 1; });
  addEventListener("pageshow", ({ persisted }) => { if (persisted) delete form.dataset.sent; }); // back again

  form.addEventListener("submit", (event) => {
    if (form.dataset.sent !== undefined) return event.preventDefault(); // a second click changes nothing
    form.dataset.sent = "";
    const { submitter } = event;
    if (!submitter || submitter.hasAttribute("formaction") || submitter.name === "op") return; // a draft
    event.preventDefault();
    decide(form.getAttribute("action"), entries(submitter));
  });

  // As the browser would send them now: who types on, or is told that it is over, changes nothing.
  function entries(submitter) {
    const button = submitter.name ? [[submitter.name, submitter.value]] : [];
    return [...new FormData(form), ...button].map(([name, value]) => [name, value.replace(/\r\n?|\n/g, "\r\n")]);
  }

  async function decide(action, sent) {
    const before = leaves;
    const receipt = await taken(action, sent);
    if (leaves !== before) return;
    if (receipt) location.assign(receipt);
    else sendAgain(action, sent);
  }

  // Where the receipt is, if the console says that it has taken the decision.
  async function taken(action, sent) {
    const headers = { "HX-Request": "true" };
    try {
      const body = new URLSearchParams(sent);
      const answer = await fetch(action, { method: "POST", body, headers, redirect: "manual" });
      return answer.status === 204 ? answer.headers.get("HX-Redirect") : null;
    } catch {
      return null; // nobody knows whether it arrived
    }
  }

  function sendAgain(action, sent) {
    const again = Object.assign(document.createElement("form"), { method: "post", action, hidden: true });
    for (const [name, value] of sent) {
      again.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
    document.body.append(again);
    again.submit();
    again.remove();
  }
})();
