// Draws each chart from the table beside it: the table is the data, and stays for who cannot see the chart.
"use strict";
(() => {
  const charts = new Map();
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const rows = (figure) =>
    [...figure.querySelectorAll("tbody tr")].map((row) => ({
      name: row.cells[0].textContent.trim(),
      value: Number(row.dataset.value),
      shown: row.cells[1].textContent.trim(),
    }));

  // a tooltip drawn on the canvas: the policy of the page allows no inline styles
  const tooltip = () => ({
    renderMode: "richText",
    confine: true,
    backgroundColor: colour("--text"),
    borderWidth: 0,
    padding: [8, 12],
    textStyle: { color: colour("--page"), fontSize: 13 },
    formatter: (item) => `${item.name}\n${item.data.shown}`,
  });

  const base = () => ({
    animationDuration: still.matches ? 0 : 600,
    animationDurationUpdate: still.matches ? 0 : 400,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
  });

  // mixes the accent with the card, so that one colour makes a scale
  const shade = (part) => {
    const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    const from = channels(colour("--card"));
    return `rgb(${channels(colour("--accent-fill")).map((c, i) => Math.round(from[i] + (c - from[i]) * part)).join(",")})`;
  };

  // a dial of a day: midnight at the top, each hour a petal as long as what was played in it
  const clock = (data, box) => {
    const most = Math.max(...data.map((row) => row.value), 1);
    const [x, y] = [box.clientWidth / 2, box.clientHeight / 2];
    const outer = Math.min(x, y) - 24;
    const hours = [0, 3, 6, 9, 12, 15, 18, 21].map((hour) => ({
      type: "text",
      silent: true,
      x: x + Math.sin((hour / 12) * Math.PI) * (outer + 13),
      y: y - Math.cos((hour / 12) * Math.PI) * (outer + 13),
      style: {
        text: String(hour).padStart(2, "0"),
        fill: colour("--muted"),
        font: `12px ${getComputedStyle(document.body).fontFamily}`,
        align: "center",
        verticalAlign: "middle",
      },
    }));
    const dial = [1, 0.66, 0.33].map((part) => ({
      type: "circle",
      silent: true,
      z: -1,
      shape: { cx: x, cy: y, r: outer * part },
      style: { fill: part === 1 ? colour("--dial") : "none", stroke: colour("--line"), lineWidth: part === 1 ? 0 : 1 },
    }));
    return {
      ...base(),
      tooltip: tooltip(),
      graphic: [...dial, ...hours],
      series: [
        {
          type: "pie",
          radius: [outer * 0.1, outer],
          startAngle: 90,
          roseType: "area",
          label: { show: false },
          labelLine: { show: false },
          itemStyle: { borderColor: colour("--dial"), borderWidth: 2, borderRadius: 4 },
          emphasis: { scale: false, itemStyle: { color: colour("--accent") } },
          data: data.map((row) => ({
            ...row,
            itemStyle: { color: row.value ? shade(0.4 + (0.6 * row.value) / most) : "transparent" },
          })),
        },
      ],
    };
  };

  const genres = (data) => {
    const total = data.reduce((sum, row) => sum + row.value, 0) || 1;
    const known = data.filter((row) => row.name !== "unknown");
    const first = known[0];
    return {
      ...base(),
      tooltip: tooltip(),
      title: first && {
        text: first.name,
        subtext: `${Math.round((100 * first.value) / total)}%`,
        left: "center",
        top: "center",
        itemGap: 6,
        textStyle: { color: colour("--text"), fontSize: 19, fontWeight: 700 },
        subtextStyle: { color: colour("--muted"), fontSize: 14 },
      },
      series: [
        {
          type: "pie",
          radius: ["38%", "56%"],
          padAngle: 1.5,
          itemStyle: { borderRadius: 6 },
          minAngle: 3,
          label: {
            color: colour("--muted"),
            fontSize: 12,
            alignTo: "edge",
            edgeDistance: 0,
            distanceToLabelLine: 3,
            overflow: "break", // a long name takes two lines before it is cut
            minMargin: 4,
          },
          labelLine: { length: 6, length2: 2, lineStyle: { color: colour("--line") } },
          emphasis: { scaleSize: 4 },
          data: data.map((row) => ({
            ...row,
            label: { show: row.value / total >= 0.05 },
            labelLine: { show: row.value / total >= 0.05 },
            itemStyle: {
              color: row.name === "unknown" ? colour("--line") : shade(Math.max(0.22, 1 - 0.13 * known.indexOf(row))),
            },
          })),
        },
      ],
    };
  };

  const kinds = { clock, genres };

  const draw = () => {
    for (const [box, chart] of charts) {
      if (!box.isConnected) {
        chart.dispose();
        charts.delete(box);
      }
    }
    for (const figure of document.querySelectorAll("[data-chart]")) {
      const data = rows(figure);
      const box = figure.querySelector(".picture");
      if (!box || !data.length) continue;
      const chart = charts.get(box) || echarts.init(box, null, { renderer: "svg" });
      charts.set(box, chart);
      chart.setOption(kinds[figure.dataset.chart](data, box), true);
    }
  };

  let resized = null;
  addEventListener("resize", () => {
    clearTimeout(resized);
    resized = setTimeout(() => {
      charts.forEach((chart) => chart.resize());
      draw();
    }, 120);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  document.addEventListener("spotifire:changed", draw);
  draw();
})();
