// What became of every row of an import, drawn from its state. Names are other people's text: only textContent.
"use strict";
const spotifire = (() => {
  const count = new Intl.NumberFormat("en").format;
  const SHOWN = 8;

  // an answer's JSON, or its problem's cause and cure as an Error
  const read = async (answer) => {
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error([body.detail || `HTTP ${answer.status}`, body.cure].filter(Boolean).join(" "));
    return body;
  };

  const send = (method, path, body) =>
    fetch(path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    }).then(read);

  // the end of a command that the listener's worker was asked for
  const carriedOut = async (place, asked) => {
    for (;;) {
      const command = await send("GET", `${place}/commands/${asked.command_id}`);
      if (command.state === "done") return command;
      await new Promise((later) => setTimeout(later, 400));
    }
  };

  const made = (name, text = "", kind = "") => {
    const element = document.createElement(name);
    element.textContent = text;
    if (kind) element.className = kind;
    return element;
  };

  const report = (state) => {
    const box = made("div", "", "report");
    const said = state.report;
    if (!said) {
      box.append(made("p", state.detail || "There is no report.", state.state === "failed" ? "result bad" : ""));
      return box;
    }
    const body = made("tbody");
    const row = (value, label, kind) => {
      const line = made("tr", "", kind);
      line.append(made("td", value, "number"), made("td", label));
      body.append(line);
      return line;
    };
    const refused = Object.values(said.refused).reduce((sum, rows) => sum + rows, 0);
    row(count(said.read), `rows read in ${said.seconds.toFixed(1)} s`, "sum");
    const [first, last] = [said.first, said.last].map((time) => (time || "").slice(0, 7));
    if (first) row("", first === last ? `plays of ${first}` : `plays from ${first} to ${last}`);
    row(count(said.stored), "stored");
    row(count(said.known), "already known");
    row(count(refused), "refused");
    const details = new Map((state.refused_rows || []).map((one) => [one.reason, one]));
    for (const [reason, rows] of Object.entries(said.refused)) {
      const line = row("", `${count(rows)} ${reason.replaceAll("-", " ")}`, "part");
      const places = details.get(reason)?.places || [];
      if (places.length) line.lastChild.append(made("small", places.map((place) => place.slice(place.lastIndexOf("/") + 1)).join(", ") + (rows > places.length ? ", …" : "")));
    }
    row(count(said.plays_new), "new plays", "sum");
    row(count(said.plays_merged), "rows joined plays that were there or in the files already");
    if (said.gaps_closed) row(count(said.gaps_closed), said.gaps_closed === 1 ? "gap closed" : "gaps closed");
    const table = made("table");
    table.append(body);
    box.append(table);
    if (said.refused["not-utf8"]) box.append(made("p", "Save the files of the rows that are not UTF-8 as UTF-8 and import them again.", "muted small"));
    const left = state.left_out || [];
    if (left.length) {
      box.append(made("p", `${count(left.length)} ${left.length === 1 ? "file" : "files"} left out:`, "muted small"));
      const list = made("ul", "", "plain small");
      for (const { file, why } of left.slice(0, SHOWN)) list.append(made("li", `${file}: ${why}`));
      if (left.length > SHOWN) list.append(made("li", `and ${count(left.length - SHOWN)} more`));
      box.append(list);
    }
    return box;
  };

  return { count, read, send, carriedOut, made, report };
})();
