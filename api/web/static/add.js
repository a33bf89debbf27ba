// The two ways in: begin a connection to Spotify, and hand in an export with its progress.
"use strict";
(() => {
  const API = "/api/v1/listeners";
  const known = new Set([...document.querySelectorAll("#known option")].map((option) => option.value.toLowerCase()));
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const count = new Intl.NumberFormat("en").format;

  // an answer's JSON, or its problem's cause and cure as an Error
  const read = async (answer) => {
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error([body.detail || `HTTP ${answer.status}`, body.cure].filter(Boolean).join(" "));
    return body;
  };
  const send = (method, path, body) =>
    fetch(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }).then(read);

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

  const watch = (place, job) =>
    new Promise((done, failed) => {
      const events = new EventSource(`${place}/imports/${job.import_id}/stream`);
      events.addEventListener("error", () => {
        if (events.readyState === EventSource.CLOSED) failed(new Error("The server no longer knows this import."));
      });
      events.addEventListener("progress", (event) => {
        const state = JSON.parse(event.data);
        if (state.state === "running") {
          const { read: rows, bytes_done: at, bytes_total: of } = state.progress;
          if (of) [bar.max, bar.value] = [of, at];
          else bar.removeAttribute("value");
          if (rows) say(form, `${count(rows)} rows read…`);
          return;
        }
        events.close();
        if (state.state === "done") done(state.report);
        else failed(new Error(state.detail || "The import failed."));
      });
    });

  const begin = async (files) => {
    if (!files.length) return;
    try {
      const size = files.reduce((sum, file) => sum + file.size, 0);
      if (size > Number(form.dataset.limit)) throw new Error("These files are too large. Send them one by one.");
      const place = await listenerOf(form);
      bar.hidden = false;
      say(form, "Sending…");
      const job = await read(await upload(place, files));
      say(form, "Reading…");
      const report = await watch(place, job);
      const refused = Object.values(report.refused).reduce((sum, n) => sum + n, 0);
      say(
        form,
        `${count(report.read)} rows read: ${count(report.stored)} stored (${count(report.plays_new)} new plays), ` +
          `${count(report.known)} known already, ${count(refused)} refused.`,
      );
      const link = document.createElement("a");
      link.href = `/?window=all&listener=${encodeURIComponent(form.elements.listener.value.trim())}`;
      link.textContent = "See the picture";
      form.querySelector("[data-result]").append(" ", link);
    } catch (error) {
      say(form, error.message, true);
    } finally {
      bar.hidden = true;
    }
  };

  form.addEventListener("submit", (event) => event.preventDefault());
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
    begin([...event.dataTransfer.files]);
  });
})();
