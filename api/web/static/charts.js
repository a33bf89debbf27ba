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

  const clock = (data) => {
    const most = Math.max(...data.map((row) => row.value), 1);
    return {
      ...base(),
      tooltip: tooltip(),
      // a dial of a day: midnight at the top, each hour a petal as long as what was played in it
      series: [
        {
          type: "pie",
          silent: true,
          radius: ["0%", "72%"],
          startAngle: 97.5,
          animation: false,
          label: {
            show: true,
            position: "outside",
            distanceToLabelLine: 0,
            color: colour("--muted"),
            fontSize: 12,
            formatter: (item) => (item.dataIndex % 3 === 0 ? String(item.dataIndex).padStart(2, "0") : ""),
          },
          labelLine: { show: true, length: 2, length2: 0, lineStyle: { width: 0, color: "transparent" } },
          data: data.map((row) => ({ name: row.name, value: 1, itemStyle: { color: colour("--raised"), opacity: 0.55 } })),
        },
        {
          type: "pie",
          radius: ["12%", "72%"],
          startAngle: 97.5,
          roseType: "area",
          label: { show: false },
          labelLine: { show: false },
          itemStyle: { borderColor: colour("--card"), borderWidth: 2, borderRadius: 4 },
          emphasis: { scale: false, itemStyle: { color: colour("--accent") } },
          data: data.map((row) => ({
            ...row,
            itemStyle: { color: row.value ? shade(0.35 + (0.65 * row.value) / most) : "transparent" },
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
        itemGap: 4,
        textStyle: { color: colour("--text"), fontSize: 19, fontWeight: 700 },
        subtextStyle: { color: colour("--muted"), fontSize: 14 },
      },
      series: [
        {
          type: "pie",
          radius: ["52%", "76%"],
          padAngle: 1.5,
          itemStyle: { borderRadius: 6 },
          minAngle: 3,
          label: {
            color: colour("--muted"),
            fontSize: 12,
            overflow: "truncate",
            width: 74,
            formatter: (item) => (item.percent >= 4 ? item.name : ""),
          },
          labelLine: { length: 8, length2: 8, lineStyle: { color: colour("--line") } },
          emphasis: { scaleSize: 4 },
          data: data.map((row) => ({
            ...row,
            label: { show: row.value / total >= 0.04 },
            labelLine: { show: row.value / total >= 0.04 },
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
      chart.setOption(kinds[figure.dataset.chart](data), true);
    }
  };

  addEventListener("resize", () => charts.forEach((chart) => chart.resize()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  document.addEventListener("spotifire:changed", draw);
  draw();
})();
