// What the tests ask JupyterLab in its page; notebook_page.py calls it. JupyterLab shows itself as
// `jupyterapp`, with --LabApp.expose_app_in_browser=True.
window.course = {
  panel: () => window.jupyterapp?.shell.currentWidget,
  cells: () => course.panel().content.widgets,
  model: (n) => course.cells()[n].model,
  dirty: () => course.panel().context.model.dirty,
  sources: () => course.cells().map((one) => one.model.sharedModel.getSource()),
  codeCells: () => course.cells().flatMap((one, n) => (one.model.type == "code" ? [n] : [])),
  isOpen: (path) => course.panel()?.context?.path == path && !!course.panel().content?.widgets,

  errors: () =>
    course.codeCells().flatMap((n) =>
      course.model(n).outputs.toJSON()
        .filter((one) => one.output_type == "error")
        .map((one) => `cell ${n}: ${one.ename}: ${one.evalue}`)),

  // A cell far from the window is not laid out before it is scrolled to.
  reveal: async (n) => {
    const cell = course.cells()[n];
    cell.node.dataset.courseCell = n;
    cell.node.scrollIntoView({ block: "nearest" });
    await course.laidOut();
  },
  showOutput: async (n) => {
    course.cells()[n].node.querySelector(".jp-Cell-outputWrapper").scrollIntoView();
    await course.laidOut();
  },
  // What has the focus, if it stands in the outputs of that cell: by its label, or what it says.
  focused: (n) => {
    const e = document.activeElement;
    if (!course.cells()[n].node.querySelector(".jp-Cell-outputWrapper").contains(e)) {
      return `(${e.tagName} ${e.className})`;
    }
    return (e.labels?.[0]?.innerText || e.innerText || e.className || e.tagName).trim();
  },
  select: (n) => {
    const book = course.panel().content;
    book.deselectAll();
    book.activeCellIndex = n;
    book.mode = "command";
    book.activate();
  },

  // Note when a cell has run: the number of the run may be the one that it had before.
  arm: (n) => {
    const model = course.model(n);
    model.courseRan = model.type != "code";
    if (model.courseArmed || model.courseRan) return;
    model.courseArmed = true;
    model.stateChanged.connect((_, change) => {
      if (change.name == "executionCount" && change.newValue != null) model.courseRan = true;
    });
  },
  active: () => course.panel().content.activeCellIndex,
  ran: (n) => course.model(n).courseRan,
  kernel: () => course.panel().sessionContext.session?.kernel?.status,
  idle: () =>
    course.kernel() == "idle" &&
    course.cells().every((one) => one.model.executionState != "running"),

  isThemed: (light) => {
    const ground = getComputedStyle(document.body).getPropertyValue("--jp-layout-color0").trim();
    const isLight = ["white", "#fff", "#ffffff"].includes(ground);
    return isLight == light && (document.body.dataset.jpThemeLight == "true") == light;
  },
  laidOut: () =>
    new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),

  // Parts of the page that are wider than their room.
  sideways: () =>
    ["html", "body", "#main", ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer"]
      .filter((one) => {
        const found = document.querySelector(one);
        return found && found.scrollWidth > found.clientWidth + 1;
      }),

  // Outputs of a cell that scroll as a whole, or out of which something sticks.
  tooWide: (n) => {
    const found = [];
    const scrolls = (e) => ["auto", "scroll"].includes(getComputedStyle(e).overflowX);
    const outputs = ".jp-OutputArea-output, .jp-OutputArea-output .widget-html";
    for (const out of course.cells()[n].node.querySelectorAll(outputs)) {
      const room = out.getBoundingClientRect();
      if (!room.width) continue;
      const say = (e) =>
        `cell ${n}: <${e.tagName} ${e.getAttribute("class") || ""}> ` +
        `${Math.round(e.getBoundingClientRect().width)} px in ${Math.round(room.width)} px: ` +
        e.textContent.trim().slice(0, 40);
      if (out.scrollWidth > out.clientWidth + 1) found.push(`scrolls as a whole: ${say(out)}`);
      for (const e of out.querySelectorAll("*")) {
        const box = e.getBoundingClientRect();
        if (!box.width || (box.right <= room.right + 1 && box.left >= room.left - 1)) continue;
        let over = e;
        while (over != out && !scrolls(over)) over = over.parentElement;
        if (over == out && !e.closest("defs")) {
          found.push(say(e));
          break;
        }
      }
    }
    return found;
  },

  // Labels of a cell's fields that are not seen as a whole.
  cutLabels: (n) =>
    [...course.cells()[n].node.querySelectorAll(".widget-label, .widget-label-basic")]
      .filter((e) => e.clientWidth)
      .filter((e) => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)
      .map((e) => e.textContent),
  // Parts of a cell's outputs that one must scroll sideways to see as a whole.
  scrolled: (n) =>
    [...course.cells()[n].node.querySelectorAll(".jp-OutputArea-output *")]
      .filter((e) => ["auto", "scroll"].includes(getComputedStyle(e).overflowX))
      .filter((e) => e.clientWidth && e.scrollWidth > e.clientWidth + 1)
      .map((e) => `${e.scrollWidth} px in ${e.clientWidth} px: ${e.className}`),
  filesShown: () => document.querySelector(".jp-FileBrowser")?.getBoundingClientRect().width > 150,

  // The height of the smallest words in a cell's pictures, in pixels; 99 without words.
  smallestWords: (n) => {
    const words = course.cells()[n].node.querySelectorAll(".dst-w svg text");
    const heights = [...words].map((e) => {
      const svg = e.ownerSVGElement;
      const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
      return parseFloat(getComputedStyle(e).fontSize) * scale;
    });
    return Math.min(99, ...heights);
  },

  axe: async (selector) => {
    const found = await axe.run({ include: [[selector]] });
    return found.violations
      .filter((rule) => ["serious", "critical"].includes(rule.impact))
      .flatMap((rule) =>
        rule.nodes.map((one) => `${rule.id}: ${one.target} ${one.failureSummary}`));
  },

  terminal: () => course.panel()?.content?._term,
  // The lines in the terminal, also those that have scrolled away; a wrapped line is one.
  terminalLines: () => {
    const buffer = course.terminal().buffer.active;
    const lines = [];
    for (let i = 0; i < buffer.length; i++) {
      const line = buffer.getLine(i);
      const text = line.translateToString(true);
      if (line.isWrapped) lines.push(lines.pop() + text);
      else lines.push(text);
    }
    return lines;
  },
  ended: () => course.terminalLines().filter((one) => /^ended:\d+/.test(one)).length,
  prompted: () => /[$#%>]$/.test(course.terminalLines().join("\n").trimEnd()),
};
