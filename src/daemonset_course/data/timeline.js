// The timeline's cursor. Handlers stand on the document, so that a picture that the live view
// replaces needs no script of its own. D: the data of one picture; see figures/rollout/inline.py.
((d) => {
  if (d.dst) return;
  d.dst = [];  // what else follows the cursor
  d.documentElement.classList.add("dst-on");
  const on = (what, act) => d.addEventListener(what, act);
  const at = (r, c) => r.querySelector(c);
  const set = (e, what, value) => e.setAttribute(what, value);
  const home = (e) => e.target.closest?.(".dst[data-d]");
  const slider = (e) => e.target.type == "range" && home(e);  // the picture whose slider it is
  // A stretch that follows another one of its Pod at once has only a phase, its end, and a reason.
  const data = (r) => {
    if (r.D) return r.D;
    const D = r.D = JSON.parse(r.dataset.d);
    let p;
    D.c.map((c) => c.l.map((l) =>
      l[1] = l[1].map((b) => p = b[0].at ? b : [p[0], p[1], b[0], p[4], b[1], b[2]])));
    return D;
  };
  const lanes = (D) => D.c.flatMap((c) => c.l.map((l, i) => ({ c, l, y: c.y + i * c.h })));
  const last = (rows, t) => rows.filter((s) => s[0] <= t).pop();
  const say = (D, l, t) => {
    if (l[3]) return `${l[0]}: ${l[3]}`;
    const least = (D.s[1] - D.s[0]) / 300;
    const now = l[1].filter((b) => b[3] <= t && (t < b[4] || t == b[4] && t == D.s[1] || t < b[3] + least));
    const pods = now.map((b) =>
      `${D.p}${b[0]}, ${D.k} ${b[1]}, ${D.f[b[2]]}${b[5] ? ", " + b[5] : ""}, ${b[3]}–${b[4]} s`);
    const state = (l[2] || []).filter((s) => s[0] <= t && t < s[1]).map((s) => s[2]);
    return `${l[0]}: ${(pods.length ? pods : ["no Pod"]).concat(state).join("; ")}`;
  };
  // The live view puts a new picture in place of the old one: its cursor stays where it was.
  let k;
  new MutationObserver(() => {
    if (!k || k.r.isConnected) return;
    const r = at(k.p, ".dst"), {t, lane, f} = k;
    k = 0;
    if (!r) return;
    if (f) at(r, "input").focus({preventScroll: true});
    show(r, t, lane);
  }).observe(d, {childList: true, subtree: true});
  const show = (r, t, lane) => {
    const D = data(r), [a, b] = D.s, rows = lanes(D);
    t = r.t = Math.min(b, Math.max(a, t));
    if (lane != null) r.lane = Math.min(rows.length - 1, Math.max(0, lane));
    const [left, wide, , high] = D.w, x = left + (t - a) / (b - a) * wide, row = rows[r.lane];
    const veil = at(r, ".v"), edge = (y) => `M${left} ${y}h${wide}`;
    set(at(r, ".u"), "d", `M${x} 0V${high - 34}` + (row ? edge(row.y) + edge(row.y + row.c.h) : ""));
    set(veil, "x", x);
    set(veil, "width", r.run ? left + wide - x : 0);
    D.c.forEach((c, i) => {
      const now = last(c.t, t);
      r.querySelectorAll(`tr[data-i="${i}"] td`).forEach((td, n) => {
        td.textContent = now ? now[n + 1] : "-";
        td.className = now && n && (n < 5 ? now[n + 1] != now[1] : now[n + 1] > 0) ? "x" : "";
      });
    });
    k = {r, t: t < b ? t : Infinity, lane: r.lane, p: r.parentNode, f: r.contains(d.activeElement)};
    const now = `${t.toFixed(2)} s`, words = now + (row ? ", " + say(D, row.l, t) : "");
    at(r, ".dst-s").textContent = "status at " + now;
    at(r, ".dst-r").textContent = words;
    const input = at(r, "input");
    input.value = 1000 * (t - a) / (b - a);
    set(input, "aria-valuetext", words);
    d.dst.forEach((follow) => follow(r, D, t, x, row));
  };
  d.dst.show = (r, tile) => show(r, r.t ?? data(r).s[1], data(r).m[tile]);
  const point = (e) => {
    const r = home(e), svg = e.target.closest?.(".dst-w svg");
    if (!r || !svg) return;
    const D = data(r), [a, b] = D.s, [left, wide, width, high] = D.w, rows = lanes(D);
    const box = svg.getBoundingClientRect(), y = (e.clientY - box.top) / box.height * high;
    const x = (e.clientX - box.left) / box.width * width;
    const i = rows.findIndex((o) => o.y <= y && y < o.y + o.c.h);
    if (r.run) stop(r);
    show(r, a + (x - left) / wide * (b - a), i < 0 ? null : i);
  };
  const stop = (r) => {
    r.run = 0;
    at(r, "button").textContent = "▶ replay";
  };
  const replay = (r) => {
    const D = data(r), [a, b] = D.s, from = r.t == null || r.t >= b ? a : r.t;
    const whole = 1000 * Math.min(20, Math.max(4, b - a)), run = r.run = {};
    let since;
    at(r, "button").textContent = "❚❚ pause";
    const step = (now) => {
      if (r.run != run) return;
      since ??= now;
      const t = from + (now - since) / whole * (b - a);
      if (t >= b) stop(r);
      show(r, t);
      if (r.run) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  };
  on("pointermove", point);
  on("pointerdown", point);
  on("input", (e) => {
    const r = slider(e);
    if (!r) return;
    const [a, b] = data(r).s;
    stop(r);
    show(r, a + e.target.value / 1000 * (b - a));
  });
  on("click", (e) => {
    const r = home(e);
    if (!r || e.target.tagName != "BUTTON") return;
    if (r.run) { stop(r); show(r, r.t); } else replay(r);
  });
  on("focusin", (e) => {
    const r = slider(e);
    if (r) show(r, r.t ?? data(r).s[1], r.lane ?? 0);
  });
  on("keydown", (e) => {
    const r = slider(e), move = { ArrowUp: -1, ArrowDown: 1, PageUp: -1, PageDown: 1 }[e.key];
    if (!r || !move) return;
    e.preventDefault();
    const rows = lanes(data(r)), lane = r.lane ?? 0, t = r.t ?? data(r).s[1];
    if (e.key[0] == "A") return show(r, t, lane + move);
    const times = rows[lane].l[1].flatMap((b) => [b[3], b[4]]).filter((o) => (o - t) * move > 0.001);
    if (times.length) show(r, move > 0 ? Math.min(...times) : Math.max(...times), lane);
  });
})(document);
