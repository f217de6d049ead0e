// A deck for the keyboard: arrows, space, page up and down, Home, End; o lists the slides, n shows the notes.
const SMALLEST = 0.7, ROOM = 648, body = document.body, deck = document.getElementById("deck");
const notes = document.getElementById("notes"), overview = document.getElementById("overview");
body.classList.add("live");

// What is too tall even at the smallest scale goes on, from cell to cell, on the next slide.
function split(slide) {
  const fit = document.createElement("div");
  fit.className = "fit";
  fit.append(...[...slide.childNodes].filter(node => !node.matches?.("aside.notes")));
  slide.prepend(fit);
  slide.classList.add("now");
  const limit = ROOM / SMALLEST;
  [...fit.children].filter(cell => cell.getBoundingClientRect().height > limit).forEach(apart);
  const cells = [...fit.children];
  const top = fit.getBoundingClientRect().top;
  const cut = cells.findIndex((cell, i) => i > 0 && cell.getBoundingClientRect().bottom - top > limit);
  if (cut > 0) {
    const rest = document.createElement("section");
    rest.append(...cells.slice(cut), ...slide.querySelectorAll(":scope > aside.notes"));
    slide.after(rest);
    slide.classList.remove("now");
    split(rest);
    slide.classList.add("now");
  }
  scale(slide, fit);
  slide.classList.remove("now");
}

// A cell that is taller than a slide: its code becomes a cell of its own, and so does its output.
function apart(cell) {
  const output = cell.querySelector(":scope > .jp-Cell-outputWrapper");
  if (!output || !cell.querySelector(":scope > .jp-Cell-inputWrapper")) return;
  const rest = cell.cloneNode(false);
  rest.removeAttribute("id");
  rest.append(output);
  cell.after(rest);
}

function scale(slide, fit) {
  const factor = Math.max(SMALLEST, Math.min(1, ROOM / fit.scrollHeight));
  fit.style.zoom = factor;  // text is laid out anew, wider: measured again below
  if (fit.getBoundingClientRect().height > ROOM + 1) {
    const frame = document.createElement("div");
    Object.assign(frame, { className: "tall", tabIndex: 0 });
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", "This slide goes on below: scroll");
    fit.replaceWith(frame);
    frame.append(fit);
  }
}

[...document.querySelectorAll("section section")].forEach(split);
const slides = [...document.querySelectorAll("section section")];
slides.forEach(slide => { slide.tabIndex = -1; });
document.querySelectorAll(".fragment").forEach(part => part.classList.add("later"));
let at = 0;

function title(slide) {
  return slide.querySelector("h1, h2, h3")?.innerText || slide.innerText.trim().split("\n")[0].slice(0, 70);
}

function show(number) {
  slides[at].classList.remove("now");
  at = Math.max(0, Math.min(slides.length - 1, number));
  slides[at].classList.add("now");
  slides[at].focus({ preventScroll: true });
  document.getElementById("bar").style.width = `${100 * (at + 1) / slides.length}%`;
  document.getElementById("place").textContent = `${at + 1} of ${slides.length}`;
  notes.innerHTML = [...slides[at].querySelectorAll("aside.notes")].map(note => note.innerHTML).join("") || "No notes.";
  notes.querySelectorAll("details").forEach(part => { part.open = true; });
  history.replaceState(null, "", `#${at + 1}`);
}

function forward() {
  const part = slides[at].querySelector(".fragment.later");
  part ? part.classList.remove("later") : show(at + 1);
}

function list() {
  overview.hidden = !overview.hidden;
  overview.replaceChildren(document.createElement("ol"));
  slides.forEach((slide, i) => {
    const item = document.createElement("li"), link = document.createElement("a");
    Object.assign(link, { href: `#${i + 1}`, textContent: slide.dataset.title });
    if (i === at) link.setAttribute("aria-current", "true");
    item.append(link);
    overview.firstChild.append(item);
  });
  (overview.hidden ? slides[at] : overview.querySelector("[aria-current]")).focus();
}

function resize() {
  const factor = Math.min(innerWidth / 1280, innerHeight / 720);
  slides.forEach(slide => { slide.style.transform = `scale(${factor})`; });
}

const KEYS = {
  ArrowRight: forward, ArrowDown: forward, PageDown: forward, " ": forward,
  ArrowLeft: () => show(at - 1), ArrowUp: () => show(at - 1), PageUp: () => show(at - 1),
  Home: () => show(0), End: () => show(slides.length - 1),
  n: () => { notes.hidden = !notes.hidden; }, o: list,
  Escape: () => { notes.hidden = true; if (!overview.hidden) list(); },
};

addEventListener("keydown", event => {
  const inside = event.target.closest(".tall, summary, #notes, #overview");
  const scrolls = inside && ["ArrowDown", "ArrowUp", " ", "PageDown", "PageUp"].includes(event.key);
  if (scrolls || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});
addEventListener("hashchange", () => { overview.hidden = true; show(parseInt(location.hash.slice(1)) - 1 || 0); });
addEventListener("resize", resize);
slides.forEach((slide, i) => {
  slide.classList.add("now");
  slide.dataset.title = title(slide) || `Slide ${i + 1}`;
  slide.classList.remove("now");
});
resize();
show((parseInt(location.hash.slice(1)) || 1) - 1);
