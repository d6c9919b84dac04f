// The name of a low row, and the tile map, follow the cursor of timeline.js, which calls what stands
// in document.dst.
((d) => {
  if (d.dst.length) return;
  d.dst.push((r, D, t, x, row) => {
    const name = r.querySelector(".w");
    if (!name || !row) return;
    const right = x > D.w[2] / 2;
    name.setAttribute("x", x + (right ? -6 : 6));
    name.setAttribute("y", row.y + row.c.h / 2 + 4.5);
    name.style.textAnchor = right ? "end" : "start";
    name.textContent = row.l[0];
  });
  d.dst.push((r, D, t) => {
    if (!D.m) return;
    const ready = D.f.indexOf("ready"), rows = D.c[0].l, kinds = {};
    const found = rows.map((l) => {
      const now = l[1].filter((b) => b[3] <= t && (t < b[4] || t == b[4] && t == D.s[1]));
      const up = now.find((b) => b[2] == ready), b = up || now[now.length - 1];
      if (!b) return ["z", "-", "no Pod", 1e9];
      const c = D.q[b[1]];
      return [`c${c}${up ? "" : " h"}${c == D.n ? "" : " o"}`, b[1],
        up ? `${D.k} ${b[1]}` : "Pod not available", up ? c : 1e8];
    });
    const tiles = r.querySelector(".dst-m").children;
    D.m.forEach((lane, i) => {
      const [kind, text, words, place] = found[lane], name = kind + (lane == r.lane ? " s" : "");
      if (tiles[i].className != name) tiles[i].className = name;
      if (tiles[i].textContent != text) tiles[i].textContent = text;
      const sum = kinds[words] ||= { n: 0, place, kind: place == 1e8 ? "h" : kind, text: place == 1e8 ? "" : text };
      sum.n += 1;
    });
    const key = r.querySelector(".dst-l");
    key.textContent = `nodes at ${t.toFixed(2)} s:`;
    Object.entries(kinds).sort((a, b) => a[1].place - b[1].place).forEach(([words, sum]) => {
      const span = key.appendChild(d.createElement("span")), tile = span.appendChild(d.createElement("i"));
      tile.className = sum.kind;
      tile.textContent = sum.text;
      span.append(`${words}: ${sum.n}`);
    });
  });
  d.addEventListener("pointermove", (e) => {
    const map = e.target.closest && e.target.closest(".dst-m"), r = map && map.closest(".dst");
    if (!r || e.target == map) return;
    d.dst.show(r, [...map.children].indexOf(e.target));
  });
})(document);
