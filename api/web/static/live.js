// Plays arrive over server-sent events. Names are other people's text: only ever set as textContent.
"use strict";
(() => {
  const page = document.querySelector("[data-stream]");
  if (!page) return;
  const list = document.getElementById("plays");
  const template = document.getElementById("play");
  const spoken = document.getElementById("spoken");
  const COVERS = "https://i.scdn.co/";
  const KEPT = Number(list.dataset.kept);

  const two = (number) => String(number).padStart(2, "0");
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

  // the listener's local time at that play, as it was stamped, not the browser's
  const local = (ms, offset) => {
    const [at, now] = [ms, Date.now()].map((time) => new Date(time + (offset || 0) * 60000));
    const year = at.getUTCFullYear();
    return {
      clock: `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`,
      day: `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}${year === now.getUTCFullYear() ? "" : ` ${year}`}`,
    };
  };

  const art = (box, url, title) => {
    box.textContent = [...(title || "♪")][0].toUpperCase();
    if (!url || !url.startsWith(COVERS)) return;
    const image = document.createElement("img");
    image.alt = "";
    image.loading = "lazy";
    image.referrerPolicy = "no-referrer";
    image.addEventListener("error", () => image.remove());
    image.src = url;
    box.append(image);
  };

  const removePlay = (id) => list.querySelector(`[data-play="${CSS.escape(id)}"]`)?.remove();

  const addPlay = (play) => {
    const known = list.querySelector(`[data-play="${CSS.escape(play.play_id)}"]`);
    if (play.removed) return removePlay(play.play_id);
    const ended = play.ended_at;
    const item = template.content.firstElementChild.cloneNode(true);
    item.dataset.play = play.play_id;
    item.dataset.ended = String(ended);
    item.querySelector(".title").textContent = play.title || play.uri;
    item.querySelector(".by").textContent = play.artist;
    art(item.querySelector(".art"), play.image_url, play.title);
    const time = item.querySelector("time");
    const at = local(ended, play.utc_offset_minutes); // the end, by which the list is in order
    time.dateTime = new Date(ended).toISOString();
    time.children[0].textContent = at.clock;
    time.children[1].textContent = at.day;
    if (known) return known.replaceWith(item);
    const after = [...list.children].find((other) => Number(other.dataset.ended) <= ended);
    if (!after && list.children.length >= KEPT) return; // older than what is shown
    list.insertBefore(item, after || null);
    while (list.children.length > KEPT) list.lastElementChild.remove();
    document.getElementById("no-plays")?.remove();
    if (item === list.firstElementChild) {
      item.classList.add("fresh");
      spoken.textContent = `New play: ${play.title || play.uri}${play.artist ? ` by ${play.artist}` : ""}`;
    }
  };

  let progress = null;
  const tick = () => {
    const bar = document.getElementById("now-progress");
    if (!bar) return;
    if (!progress) {
      const at = Number(bar.dataset.observed);
      if (!at || bar.hidden) return;
      progress = { at, from: Number(bar.dataset.progress), of: bar.max };
    }
    bar.value = Math.min(progress.of, progress.from + Date.now() - progress.at);
  };
  setInterval(tick, 1000);
  tick();

  const showNow = (playback) => {
    const card = document.getElementById("now");
    const playing = playback.is_playing && playback.title;
    card.querySelector(".title").textContent = playing ? playback.title : "Nothing at the moment";
    card.querySelector(".by").textContent = playing
      ? playback.artist_names.join(", ")
      : "What plays shows here as it starts.";
    art(card.querySelector(".art"), playing ? playback.image_url : "", playing ? playback.title : "♪");
    const bar = document.getElementById("now-progress");
    const timed = Boolean(playing && playback.duration_ms && playback.progress_ms != null);
    bar.hidden = !timed;
    progress = timed ? { at: playback.observed_at, from: playback.progress_ms, of: playback.duration_ms } : null;
    if (timed) bar.max = playback.duration_ms;
    tick();
  };

  // the rest of the page is asked for again, already escaped by the server, and its parts swapped in
  let due = null;
  let asked = 0;
  let all = false; // whether the list of plays must be asked for too
  const refresh = (withPlays = false) => {
    all ||= withPlays;
    if (due) return;
    due = setTimeout(
      async () => {
        due = null;
        asked = Date.now();
        if (document.hidden) return;
        const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
        if (!answer.ok || answer.redirected) return;
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        const parts = [...document.querySelectorAll("[data-swap]"), ...(all ? [list] : [])];
        all = false;
        for (const part of parts) {
          const other = fresh.getElementById(part.id);
          if (other) part.replaceChildren(...document.adoptNode(other).childNodes);
        }
        document.dispatchEvent(new Event("spotifire:changed"));
      },
      Math.max(2500, asked + 15000 - Date.now()),
    );
  };

  const health = (good, words) => {
    for (const box of document.querySelectorAll("[data-health]")) {
      box.querySelector(".dot").className = `dot ${good ? "good" : "bad"}`;
      box.querySelector(".words").textContent = words;
    }
  };

  const showStats = (stats) => {
    for (const box of document.querySelectorAll("[data-stat]")) {
      const text = stats[box.dataset.stat];
      box.hidden = text === undefined;
      if (text !== undefined) box.querySelector("b").textContent = text;
    }
  };

  const events = new EventSource(page.dataset.stream);
  const on = (name, does) => events.addEventListener(name, (event) => does(JSON.parse(event.data)));
  events.addEventListener("open", () => health(true, "Live"));
  events.addEventListener("error", () => health(false, "Reconnecting"));
  on("hello", (hello) => {
    health(hello.live, hello.live ? "Live" : "Live updates are paused");
    document.documentElement.dataset.live = "yes";
  });
  on("play", (play) => {
    addPlay(play);
    refresh();
  });
  on("playback", showNow);
  on("stats", showStats);
  on("missed", () => refresh(true));
  addEventListener("pagehide", () => events.close());
})();
