"""Use JupyterLab's page as a learner does: by keys, buttons and menus.

What a learner does not see, such as whether the kernel is idle, ``notebook_page.js`` asks
JupyterLab itself. Playwright is imported for types only, so that tests are collected without it.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

WITHIN = 60.0  # seconds
WIDTHS = (700, 800, 1280, 1920)
HEIGHT = 900
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"
SCRIPT = Path(__file__).with_suffix(".js")
SHOWN = ".jp-NotebookPanel:not(.lm-mod-hidden)"

# What JupyterLab writes to the console by itself, and why.
ALLOWED: dict[str, str] = {}


class Lab:
    """One page of JupyterLab.

    Attributes:
        page: Playwright's page.
        errors: what its scripts raised, and what was written to the console as an error.
    """

    def __init__(self, page: Page, url: str, token: str) -> None:
        self.page, self._url, self._token = page, url, token
        self.errors: list[str] = []
        page.set_default_timeout(WITHIN * 1000)
        page.add_init_script(path=SCRIPT)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._heard)

    def _heard(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    @property
    def unexpected(self) -> list[str]:
        """The errors that no pattern of ``ALLOWED`` explains."""
        return [one for one in self.errors if not any(re.search(each, one) for each in ALLOWED)]

    def ask(self, function: str, *arguments: Any) -> Any:
        """Return what a function of ``notebook_page.js`` returns."""
        return self.page.evaluate(
            "([name, rest]) => course[name](...rest)", [function, list(arguments)]
        )

    def until(self, function: str, *arguments: Any, within: float = WITHIN) -> None:
        """Return when a function of ``notebook_page.js`` returns something true."""
        self.page.wait_for_function(
            "([name, rest]) => course[name](...rest)", arg=[function, list(arguments)],
            timeout=within * 1000,
        )  # fmt: skip

    # Notebooks and terminals

    def open(self, path: str) -> Notebook:
        """Open a notebook alone; return it when its kernel is idle."""
        self.page.goto(f"{self._url}lab/tree/{path}?reset&token={self._token}")
        return self._opened(path)

    def open_beside(self, path: str) -> Notebook:
        """Open one more notebook, as a double click in the list of files does."""
        self.command("docmanager:open", path=path)
        return self._opened(path)

    def _opened(self, path: str) -> Notebook:
        self.until("isOpen", path)
        found = Notebook(self, path)
        found.wait_idle()
        return found

    def terminal(self) -> Terminal:
        """Open a terminal of JupyterLab's."""
        self.command("terminal:create-new")
        return Terminal(self)

    def command(self, name: str, **arguments: Any) -> None:
        """Choose a command, as the menu or the palette does; do not wait for its end."""
        self.page.evaluate(
            "([name, options]) => void jupyterapp.commands.execute(name, options)",
            [name, arguments],
        )

    # How it looks

    def theme(self, name: str) -> None:
        """Choose a theme; it is shown when this returns."""
        self.command("apputils:change-theme", theme=name)
        self.until("isThemed", name == LIGHT)

    def size(self, width: int, height: int = HEIGHT) -> None:
        """Give the window a size, in pixels; it is laid out when this returns."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.ask("laidOut")

    def show_files(self) -> None:
        """Open the list of files beside the notebook."""
        self.command("filebrowser:activate")
        self.until("filesShown")
        self.ask("laidOut")

    def sideways(self) -> list[str]:
        """Return the parts of the page that are wider than their room."""
        return self.ask("sideways")

    def axe(self, selector: str) -> list[str]:
        """Return what keeps people from using the elements, by axe-core: serious findings alone."""
        found = find_spec("axe_playwright_python")  # not imported: its script is what counts
        assert found, "no axe-core: make environment"
        assert found.submodule_search_locations
        script = Path(found.submodule_search_locations[0]) / "axe.min.js"
        self.page.evaluate(f"{script.read_text(encoding='utf-8')};1")
        return self.ask("axe", selector)

    def shot(self, path: Path) -> Path:
        """Write a screenshot."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path)
        return path


class Notebook:
    """A notebook that is open; its cells are counted from 0, Markdown too."""

    def __init__(self, lab: Lab, path: str) -> None:
        self.lab, self.page, self.path = lab, lab.page, path

    # What it has

    @property
    def sources(self) -> list[str]:
        return self.lab.ask("sources")

    @property
    def code_cells(self) -> list[int]:
        return self.lab.ask("codeCells")

    @property
    def dirty(self) -> bool:
        """Whether the tab has the dot of a notebook that is not saved."""
        return self.lab.ask("dirty")

    def find(self, text: str, after: int = -1) -> int:
        """Return the first code cell with that text in its source."""
        sources = self.sources
        found = [one for one in self.code_cells if one > after and text in sources[one]]
        assert found, f"no code cell of {self.path} has {text!r}"
        return found[0]

    def cell(self, number: int) -> Locator:
        """Return a cell's element, scrolled into view."""
        self.lab.ask("reveal", number)
        return self.page.locator(f'{SHOWN} .jp-Cell[data-course-cell="{number}"]')

    def output(self, number: int) -> Locator:
        """Return the element of a cell's outputs."""
        return self.cell(number).locator(".jp-Cell-outputArea")

    def show(self, number: int) -> None:
        """Scroll so that a cell's output is seen from its beginning."""
        self.cell(number)
        self.lab.ask("showOutput", number)

    def save(self) -> None:
        """Press Ctrl+S; the file is written when this returns."""
        self.page.keyboard.press("Control+S")
        self.page.wait_for_function("!course.dirty()")

    def text(self, number: int) -> str:
        """Return what a cell's outputs say on the page; empty without outputs."""
        return "\n".join(self.output(number).all_inner_texts())

    def errors(self) -> list[str]:
        """Return the errors among all outputs, with their cells."""
        return self.lab.ask("errors")

    # What a learner does

    def select(self, number: int) -> None:
        """Select a cell as with the arrow keys: the cursor is not in its text."""
        self.cell(number)
        self.lab.ask("select", number)

    def run(self, number: int, *, wait: bool = True, within: float = WITHIN) -> None:
        """Run a cell with Shift+Enter; return when it has ended, or at once."""
        self.select(number)
        self.lab.ask("arm", number)
        self.page.keyboard.press("Shift+Enter")
        if wait:
            self.wait_ran(number, within=within)

    @property
    def active(self) -> int:
        """The cell that is selected."""
        return self.lab.ask("active")

    def run_active(self, *, within: float = WITHIN) -> None:
        """Press Shift+Enter wherever the focus is; return when the selected cell has run."""
        number = self.active
        self.lab.ask("arm", number)
        self.page.keyboard.press("Shift+Enter")
        self.wait_ran(number, within=within)

    def run_text(self, text: str, *, within: float = WITHIN) -> int:
        """Run the first code cell with that text in its source; return its number."""
        number = self.find(text)
        self.run(number, within=within)
        return number

    def run_all(self, *, within: float = WITHIN) -> None:
        """Choose Run > Run All Cells."""
        last = self.code_cells[-1]
        self.lab.ask("arm", last)
        self.lab.command("notebook:run-all-cells")
        self.wait_ran(last, within=within)

    def run_all_until(self, number: int, *, within: float = WITHIN) -> None:
        """Choose Run > Run All Cells, which an error in that cell stops."""
        self.lab.ask("arm", number)
        self.lab.command("notebook:run-all-cells")
        self.wait_ran(number, within=within)

    def run_above(self, number: int, *, within: float = WITHIN) -> None:
        """Choose Run > Run All Above Selected Cell."""
        last = [one for one in self.code_cells if one < number][-1]
        self.select(number)
        self.lab.ask("arm", last)
        self.lab.command("notebook:run-all-above")
        self.wait_ran(last, within=within)

    def wait_ran(self, number: int, *, within: float = WITHIN) -> None:
        """Return when a cell has run and the kernel waits for the next one."""
        self.lab.until("ran", number, within=within)
        self.wait_idle(within=within)

    def wait_idle(self, *, within: float = WITHIN) -> None:
        """Return when the kernel is idle and no cell waits for it."""
        self.lab.until("idle", within=within)

    def wait_busy(self) -> None:
        """Return when the kernel works."""
        self.page.wait_for_function("course.kernel() == 'busy'")

    def write(self, number: int, source: str) -> None:
        """Replace a cell's source by keys."""
        self.select(number)
        self.page.keyboard.press("Enter")
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(source)
        self.page.keyboard.press("Escape")

    def wait_focused(self, number: int, name: str) -> None:
        """Return when the element of a cell's output with that label or name has the focus."""
        self.page.wait_for_function(
            "([number, name]) => course.focused(number) == name", arg=[number, name]
        )

    def tab_to(self, number: int, name: str, *, back: bool = False) -> None:
        """Press Tab until the element of a cell's output with that label or name has the focus.

        Raises:
            AssertionError: it has not got it after 60 presses.
        """
        key = "Shift+Tab" if back else "Tab"
        passed = []
        for _ in range(60):
            self.page.keyboard.press(key)
            passed.append(self.lab.ask("focused", number))
            if passed[-1] == name:
                return
        raise AssertionError(f"{name} is not reached by {key}: {passed}")

    def fill(self, number: int, value: str, label: str = "") -> None:
        """Fill a field of a widget in a cell's output: the one with that label, or the only one."""
        output = self.output(number)
        field = output.get_by_label(label) if label else output.locator("input, textarea")
        field.first.fill(value)

    def press(self, number: int, name: str) -> None:
        """Press a button of a widget in a cell's output."""
        self.output(number).get_by_role("button", name=name).click()

    def interrupt(self) -> None:
        """Press the Stop button of the toolbar, and wait for the kernel."""
        self.page.locator(f"{SHOWN} [data-command='notebook:interrupt-kernel']").first.click()
        self.wait_idle()

    def shut_down(self) -> None:
        """End the notebook's kernel; its page stays."""
        self.lab.command("kernelmenu:shutdown")
        self.page.wait_for_function("!course.kernel()")

    def restart(self) -> None:
        """Restart the kernel, and answer the question with yes."""
        self.lab.command("notebook:restart-kernel")
        self.page.locator(".jp-Dialog button.jp-mod-accept").click()
        self.page.locator(".jp-Dialog").wait_for(state="detached")
        self.wait_idle()

    # How it is laid out

    def too_wide(self) -> list[str]:
        """Return outputs that are wider than their cell or cut, with their width in pixels.

        What scrolls inside itself is fine. An output that scrolls as a whole is not: its title and
        its caption would move, too.
        """
        found: list[str] = []
        for number in self.code_cells:
            self.cell(number)
            found += self.lab.ask("tooWide", number)
        return found

    def small_words(self, least: float) -> list[str]:
        """Return the cells in whose pictures words are lower than that, in pixels."""
        found = []
        for number in self.code_cells:
            self.cell(number)
            height = self.lab.ask("smallestWords", number)
            if height < least:
                found.append(f"cell {number}: {height:.1f} px")
        return found


class Terminal:
    """A terminal of JupyterLab's; what is typed goes into it."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        lab.until("terminal")
        lab.until("prompted")

    @property
    def lines(self) -> list[str]:
        """What stands in it, with the lines that have scrolled away."""
        return self._lab.ask("terminalLines")

    def run(self, line: str, *, within: float = WITHIN) -> tuple[str, int]:
        """Type a command; return what it printed and its exit status."""
        before = self._lab.ask("ended")
        page = self._lab.page
        page.locator(".jp-Terminal:not(.lm-mod-hidden) .xterm-helper-textarea").last.focus()
        page.keyboard.type(f"{line}; echo ended:$?")
        page.keyboard.press("Enter")
        page.wait_for_function(
            "before => course.ended() > before", arg=before, timeout=within * 1000
        )
        lines = self.lines
        end = max(i for i, one in enumerate(lines) if re.match(r"ended:\d", one))
        start = max(i for i, one in enumerate(lines[:end]) if one.endswith("echo ended:$?"))
        printed = "\n".join(lines[start + 1 : end]).strip()
        return printed, int(lines[end].removeprefix("ended:"))
