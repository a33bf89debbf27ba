// Undo an import, read its report, and say of each trip whether it was one.
"use strict";
(() => {
  const page = document.querySelector("[data-place]");
  if (!page) return;
  const place = page.dataset.place;
  const { send, carriedOut, report } = spotifire;

  const say = (box, text, bad = false) => {
    const line = box.querySelector("[data-result]");
    line.textContent = text;
    line.classList.toggle("bad", bad);
  };

  // one thing at a time: its buttons rest until the worker has done it, and then the page is as it is now
  const work = async (box, words, does) => {
    const buttons = [...box.querySelectorAll("button")];
    for (const button of buttons) button.disabled = true;
    say(box, words);
    try {
      const asked = await does();
      if (asked.command_id) await carriedOut(place, asked);
      location.reload();
    } catch (error) {
      say(box, error.message, true);
      for (const button of buttons) button.disabled = false;
    }
  };

  for (const time of document.querySelectorAll("time[data-moment]")) {
    time.textContent = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(
      new Date(time.dateTime),
    );
  }

  for (const item of document.querySelectorAll("[data-import]")) {
    const one = `${place}/imports/${item.dataset.import}`;
    const details = item.querySelector("[data-report]");
    details?.addEventListener("toggle", async () => {
      const wait = details.querySelector("[data-wait]");
      if (!details.open || !wait) return;
      try {
        wait.replaceWith(report(await send("GET", one)));
      } catch (error) {
        say(item, error.message, true);
      }
    });
    const undo = item.querySelector("[data-undo]");
    undo?.addEventListener("click", () => {
      // the first click asks, the second one does it
      if (undo.dataset.sure === undefined) {
        undo.dataset.sure = "";
        undo.textContent = "Really undo?";
        return say(item, "All that only this import brought goes. Importing the same files brings it back.");
      }
      work(item, "Undoing…", () => send("DELETE", one));
    });
  }

  // a moment as the clock of a zone shows it, for an input: 2025-04-02T17:00
  const localIn = (moment, timeZone) => {
    const shape = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" };
    return new Intl.DateTimeFormat("sv", { ...shape, timeZone }).format(new Date(moment)).replace(" ", "T");
  };

  for (const form of document.querySelectorAll("[data-trip]")) {
    form.elements.zone.addEventListener("change", () => {
      for (const field of [form.elements.from, form.elements.to]) {
        if (field.value !== field.dataset.was) continue; // a person wrote it
        try {
          field.value = field.dataset.was = localIn(field.dataset.utc, form.elements.zone.value.trim());
        } catch {
          return; // no zone yet
        }
      }
    });
    const trip = `${place}/travel/${form.dataset.trip}`;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const body = { zone: form.elements.zone.value.trim() };
      for (const name of ["from", "to"]) {
        const field = form.elements[name];
        if (field.value !== field.dataset.was) body[name] = field.value;
      }
      work(form, "Stamping the plays again…", () => send("POST", `${trip}/accept`, body));
    });
    form.querySelector("[data-refuse]")?.addEventListener("click", () => {
      work(form, "Noting it…", () => send("POST", `${trip}/refuse`));
    });
    form.querySelector("[data-reset]")?.addEventListener("click", () => {
      work(form, "Taking it back…", () => send("DELETE", trip));
    });
  }

  const countries = document.querySelector("[data-countries]");
  countries.addEventListener("submit", (event) => {
    event.preventDefault();
    const method = countries.dataset.countries === "drop" ? "DELETE" : "POST";
    work(countries, "One moment…", () => send(method, `${place}/countries`));
  });
})();
