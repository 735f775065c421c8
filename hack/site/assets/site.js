// Search over the sections of all pages, and the menu of pages, which is open where there is room for it.
"use strict";
const query = document.getElementById("query"), found = document.getElementById("found"), menu = document.getElementById("menu");
const up = document.body.dataset.up;
const wide = matchMedia("(min-width: 56rem)");
const arrange = () => { menu.open = wide.matches; };
wide.addEventListener("change", arrange);
arrange();

// rank of a section for the words: all must occur; in a title they count more.
function rank(section, words) {
  const title = (section.t + " " + section.p).toLowerCase(), text = section.x.toLowerCase();
  let sum = 0;
  for (const word of words) {
    const inTitle = title.includes(word), times = text.split(word).length - 1;
    if (!inTitle && times === 0) return 0;
    sum += (inTitle ? 20 : 0) + (section.t.toLowerCase() === word ? 20 : 0) + Math.min(times, 5);
  }
  return sum;
}

function line(section, words) {
  const item = document.createElement("li"), link = document.createElement("a"), text = document.createElement("small");
  link.href = up + section.a;
  link.textContent = section.p === section.t ? section.t : section.p + " › " + section.t;
  const at = Math.max(0, section.x.toLowerCase().indexOf(words[0]) - 40);
  text.textContent = (at > 0 ? "… " : "") + section.x.slice(at, at + 140);
  link.append(text);
  item.append(link);
  return item;
}

function search() {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  const ranked = words.length === 0 ? [] : searched.map((s) => [rank(s, words), s]).filter(([r]) => r > 0).sort((a, b) => b[0] - a[0]);
  found.replaceChildren(...ranked.slice(0, 12).map(([, s]) => line(s, words)));
  if (words.length > 0 && ranked.length === 0) {
    const none = document.createElement("li");
    none.textContent = "Nothing found";
    found.append(none);
  }
  found.hidden = words.length === 0;
}

query.addEventListener("input", search);
found.addEventListener("click", () => { found.hidden = true; });
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== query) {
    event.preventDefault();
    query.focus();
  } else if (event.key === "Escape") {
    found.hidden = true;
  } else if (event.key === "Enter" && document.activeElement === query) {
    found.querySelector("a")?.click();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !found.hidden) {
    const links = [...found.querySelectorAll("a")], next = links.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    event.preventDefault();
    (links[next] ?? query).focus();
  }
});
document.addEventListener("click", (event) => { if (!event.target.closest("search")) found.hidden = true; });
