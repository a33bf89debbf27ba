// The two ways in: begin a connection to Spotify, and hand in an export with its progress.
"use strict";
(() => {
  const API = "/api/v1/listeners";
  const known = new Set([...document.querySelectorAll("#known option")].map((option) => option.value.toLowerCase()));
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const { count, read, send, made, report } = spotifire;

  const say = (form, text, bad = false) => {
    const box = form.querySelector("[data-result]");
    box.textContent = text;
    box.classList.toggle("bad", bad);
  };

  for (const form of document.querySelectorAll("form")) {
    const name = form.elements.listener;
    if (!name) continue;
    const field = form.querySelector("[data-zone]");
    if (!form.elements.timezone.value) form.elements.timezone.value = zone;
    name.addEventListener("input", () => {
      field.hidden = known.has(name.value.trim().toLowerCase());
    });
  }

  // the listener of a form, made first where nobody is called so yet
  const listenerOf = async (form) => {
    const name = form.elements.listener.value.trim();
    if (!name) throw new Error("Say whose music it is first.");
    if (!known.has(name.toLowerCase())) {
      await send("POST", API, { name, timezone: form.elements.timezone.value.trim() || zone });
      known.add(name.toLowerCase());
    }
    return `${API}/${encodeURIComponent(name)}`;
  };

  const connect = document.querySelector("[data-connect]");
  connect?.addEventListener("submit", async (event) => {
    event.preventDefault();
    say(connect, "One moment…");
    try {
      const place = await listenerOf(connect);
      const { client_id, client_secret } = connect.elements;
      const begun = await send("POST", `${place}/connection`, {
        client_id: client_id.value.trim(),
        client_secret: client_secret.value.trim(),
      });
      if (!/^https?:\/\//.test(begun.url)) throw new Error("That is no address of Spotify.");
      location.assign(begun.url);
    } catch (error) {
      say(connect, error.message, true);
    }
  });

  const form = document.querySelector("[data-import]");
  if (!form) return;
  const bar = form.querySelector("[data-bar]");
  const drop = form.querySelector("[data-drop]");

  // XMLHttpRequest, as fetch does not tell how much has been sent
  const upload = (place, files) =>
    new Promise((done, failed) => {
      const body = new FormData();
      for (const file of files) body.append("files", file, file.name);
      const request = new XMLHttpRequest();
      request.open("POST", `${place}/imports`);
      request.upload.addEventListener("progress", (event) => {
        bar.max = event.total || 1;
        bar.value = event.loaded;
      });
      request.addEventListener("load", () => done(new Response(request.response, { status: request.status })));
      request.addEventListener("error", () => failed(new Error("The connection broke. Send the files again.")));
      request.send(body);
    });

  const left = (time) => {
    const seconds = Math.ceil(time);
    return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  };

  const show = ({ state, read: rows, bytes_done: at, bytes_total: of, rows_per_second: rate, seconds_left: seconds }) => {
    if (of) [bar.max, bar.value] = [of, at];
    else bar.removeAttribute("value");
    if (!rows) return;
    const words = [`${count(rows)} rows read`];
    if (rate) words.push(`${count(rate)} a second`);
    if (state === "storing") words.push("storing the last of them");
    else if (seconds != null) words.push(`about ${left(seconds)} left`);
    say(form, `${words.join(" · ")}…`);
  };

  const watch = (place, job) =>
    new Promise((done, failed) => {
      const events = new EventSource(`${place}/imports/${job.import_id}/stream`);
      events.addEventListener("error", () => {
        if (events.readyState === EventSource.CLOSED) failed(new Error("The server no longer knows this import."));
      });
      events.addEventListener("progress", (event) => {
        const state = JSON.parse(event.data);
        if (state.state === "running") {
          show(state.progress);
          return;
        }
        events.close();
        if (state.state === "done") done(state);
        else failed(new Error(state.detail || "The import failed."));
      });
    });

  let busy = false;
  const begin = async (files) => {
    if (!files.length || busy) return;
    busy = true;
    form.querySelector("[data-report]").replaceChildren();
    try {
      const size = files.reduce((sum, file) => sum + file.size, 0);
      if (size > Number(form.dataset.limit)) throw new Error("These files are too large. Send them one by one.");
      const place = await listenerOf(form);
      bar.hidden = false;
      say(form, "Sending…");
      const job = await read(await upload(place, files));
      say(form, "Reading…");
      const state = await watch(place, job);
      form.querySelector("[data-report]").replaceChildren(report(state));
      say(form, "Done: every row is accounted for.");
      const name = encodeURIComponent(form.elements.listener.value.trim());
      const link = (href, text) => {
        const anchor = made("a", text);
        anchor.href = href;
        form.querySelector("[data-result]").append(" ", anchor);
      };
      link(`/?window=all&listener=${name}`, "See the picture");
      const { travel } = await send("GET", `${place}/travel`).catch(() => ({ travel: [] }));
      const trips = travel.filter((trip) => trip.state === "proposed").length;
      const asked = trips === 1 ? "Set the clock for a trip" : `Set the clock for ${trips} trips`;
      if (trips) link(`/history?listener=${name}#travel`, asked);
    } catch (error) {
      say(form, error.message, true);
    } finally {
      bar.hidden = true;
      busy = false;
      form.elements.files.value = ""; // so that the same file can be chosen again
    }
  };

  form.addEventListener("submit", (event) => event.preventDefault());
  for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault()); // beside the zone
  form.elements.files.addEventListener("change", (event) => begin([...event.target.files]));
  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (busy) return say(form, "One import at a time: this one still runs.");
    const folders = [...event.dataTransfer.items].some((item) => item.webkitGetAsEntry?.()?.isDirectory);
    if (folders) return say(form, "A folder cannot be dropped. Drop its zip, or the files in it.", true);
    begin([...event.dataTransfer.files]);
  });
})();
