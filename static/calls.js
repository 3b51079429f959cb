// Reads the list of calls anew while the page is looked at.
const PAUSE = 2000;

async function renew() {
  if (document.visibilityState !== "visible") { return; }
  const answer = await fetch(location.href);
  if (!answer.ok) { return; }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [now, list] = [document.getElementById("calls"), page.getElementById("calls")];
  // Whoever selects text in it keeps the selection while nothing is new.
  if (list && list.innerHTML !== now.innerHTML) { now.replaceChildren(...list.childNodes); }
}

setInterval(() => { renew().catch(() => {}); }, PAUSE);
