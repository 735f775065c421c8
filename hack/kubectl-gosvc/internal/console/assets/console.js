// Keeps the page up to date, and moves by keys. Everything works without it, but by hand.
"use strict";
(() => {
  const pace = 2000;
  const live = document.getElementById("live");
  const search = document.getElementById("q");
  let address = location.href.split("#")[0], tag = "", asked = 0, timer;

  // load a page as a document: a browser runs nothing of it, and no text becomes markup here.
  function load() {
    clearTimeout(timer);
    const turn = ++asked, request = new XMLHttpRequest();
    request.open("GET", address);
    request.responseType = "document";
    request.timeout = 10000;
    if (tag) request.setRequestHeader("If-None-Match", tag);
    request.onloadend = () => {
      if (turn !== asked) return;
      const answered = request.status === 200 || request.status === 304;
      say(answered ? "live" : "not up to date: the console does not answer", !answered);
      if (request.status === 200 && request.response) {
        tag = request.getResponseHeader("ETag") || "";
        replace(request.response);
      }
      later(pace);
    };
    request.send();
  }

  // later asks again, unless nobody sees the tab.
  function later(wait) {
    if (!document.hidden) timer = setTimeout(load, wait);
  }

  function say(text, bad) {
    if (live.textContent !== text) live.textContent = text;
    live.classList.toggle("bad", bad);
  }

  // replace the parts that have changed, and leave the focus and the scroll position where they were.
  function replace(page) {
    const focused = document.activeElement && document.activeElement.id;
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = page.getElementById(part.id);
      if (!next || next.isEqualNode(part)) continue;
      const top = part.scrollTop, left = part.querySelector(".scroll")?.scrollLeft || 0;
      part.replaceWith(document.adoptNode(next));
      next.scrollTop = top;
      if (left) next.querySelector(".scroll").scrollLeft = left;
    }
    if (focused && (!document.activeElement || document.activeElement === document.body)) {
      document.getElementById(focused)?.focus({ preventScroll: true });
    }
  }

  // find shows what matches the search, without a new page.
  let typing;
  function find() {
    const url = new URL(address);
    url.searchParams.delete("page");
    if (search.value) url.searchParams.set("q", search.value); else url.searchParams.delete("q");
    address = url.href;
    tag = "";
    history.replaceState(null, "", address);
    load();
  }
  if (search) {
    search.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(find, 120); });
    document.getElementById("search").addEventListener("submit", (event) => { event.preventDefault(); find(); move(0); });
  }

  // move the focus among the services; 0 is the first one.
  function move(by) {
    const links = [...document.querySelectorAll("a.open")];
    const at = links.indexOf(document.activeElement);
    const next = links[by === 0 || at < 0 ? 0 : Math.min(Math.max(at + by, 0), links.length - 1)];
    if (next) { next.focus(); next.scrollIntoView({ block: "nearest" }); }
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const writes = event.target === search;
    if (event.key === "Escape") {
      if (search && search.value) { search.value = ""; find(); } else if (writes) search.blur(); else document.getElementById("all")?.click();
    } else if (writes) {
      if (event.key === "ArrowDown") { event.preventDefault(); move(0); }
    } else if (event.key === "/" && search) {
      event.preventDefault(); search.focus(); search.select();
    } else if (event.key === "j" || event.key === "ArrowDown" && event.target.matches("a.open")) {
      event.preventDefault(); move(1);
    } else if (event.key === "k" || event.key === "ArrowUp" && event.target.matches("a.open")) {
      event.preventDefault(); move(-1);
    }
  });

  document.addEventListener("visibilitychange", () => { if (document.hidden) clearTimeout(timer); else load(); });
  later(pace / 4);
})();
