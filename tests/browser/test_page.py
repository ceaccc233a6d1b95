from __future__ import annotations

import json

import pytest
from tests.browser.browser import Page
from tests.report.lines import line, write

from codetracer_otel.report import RuleTexts, build_comparison, build_report

ARGUMENTS = {
    "codetracer.arg.user": "ann",
    "codetracer.arg.card": "<redacted>",
    "codetracer.return": 7,
}


class Rules:
    def of(self, function, keys):
        texts = {key: "redacted by arg:card, app.toml:9" for key in keys if key.endswith("card")}
        return RuleTexts("traced by pkg:app, app.toml:3", texts)


def traced():
    failed = {
        "name": "exception",
        "timestamp": "2023-11-14T22:13:20.000840Z",
        "attributes": {"exception.message": "no such thing"},
    }
    return [
        line(1, 0, 1000, name="app.main"),
        line(2, 100, 300, parent=1, name="app.load", attributes=ARGUMENTS),
        line(3, 150, 100, parent=2, name="app.read"),
        line(4, 500, 400, parent=1, name="app.save"),
        line(5, 700, 140, parent=4, name="app.write", error="KeyError", events=[failed]),
        line(6, 300, 500, parent=1, name="pool.work", thread=1),
    ]


@pytest.fixture
def show(driver, tmp_path):
    """Return a function that opens the report of some spans."""

    def opened(*lines, **options):
        output = tmp_path / "page.html"
        build_report([write(tmp_path / "run.jsonl", *lines)], str(output), **options)
        return Page(driver, output)

    yield opened
    driver.get("about:blank")


@pytest.fixture
def page(show):
    return show(*traced(), rules=Rules())


def test_it_is_drawn_from_the_file_alone(page):
    assert page.requests() == [page.url]
    assert page.run("return performance.getEntriesByType('resource').length") == 0
    assert page.complaints() == []
    assert page.text("title") == "run.jsonl"
    assert page.text("facts") == "6 spans, 1.00 ms, from 2023-11-14T22:13:20.000000Z"
    drawn = page.colors()
    assert len(drawn) > 10
    assert max(drawn.values()) < 0.97 * sum(drawn.values())
    assert len(page.colors("overview")) > 3


ATTEMPTS = {
    "fetch": "fetch('https://example.com/').catch(() => {});",
    "image": "new Image().src = 'https://example.com/x.png';",
    "frame": """
        const frame = document.createElement('iframe');
        frame.src = 'https://example.com/';
        document.body.append(frame);
    """,
    "form": """
        const form = document.createElement('form');
        form.action = 'https://example.com/';
        document.body.append(form);
        form.submit();
    """,
    "style": "document.body.setAttribute('style', 'color: red');",
    "handler": "document.body.setAttribute('onclick', 'window.broken = 1');",
    "evaluation": "new Function('window.broken = 1')();",
    "markup": "document.body.innerHTML = '<b>x</b>';",
    "script": "document.createElement('script').textContent = 'window.broken = 1';",
}


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS.keys())
def test_the_policy_refuses_what_the_page_does_not_do(page, attempt):
    script = f"""
        const done = arguments[arguments.length - 1];
        document.addEventListener('securitypolicyviolation', (event) => done(event.disposition));
        setTimeout(() => done('allowed'), 5000);
        setTimeout(() => {{ try {{ {attempt} }} catch {{ }} }}); // a driver's own script may do all
    """
    assert page.driver.execute_async_script(script) == "enforce"
    assert page.run("return window.broken") is None
    assert not [url for url in page.requests() if url.startswith("http")]


def test_it_zooms_by_keys_buttons_and_wheel(page):
    begin, end = page.window()
    page.focus()
    page.press("+")
    closer = page.window()
    assert begin < closer[0] < closer[1] < end
    page.press("-")
    assert page.window() == pytest.approx([begin, end])
    page.click("zoom-in")
    assert page.window() == pytest.approx(closer)
    page.press("0")
    assert page.window() == pytest.approx([begin, end])
    page.run(
        "const canvas = document.getElementById('spans'), box = canvas.getBoundingClientRect();"
        "canvas.dispatchEvent(new WheelEvent('wheel', {deltaY: -200, ctrlKey: true,"
        "clientX: box.left, clientY: box.top + 60, cancelable: true}));"
    )
    page.settle()
    assert page.window()[0] == pytest.approx(begin)
    assert page.window()[1] < end


def test_it_moves_by_keys_and_stays_near_the_trace(page):
    from selenium.webdriver.common.keys import Keys

    page.focus()
    page.press("+", "+", "+")
    begin = page.window()[0]
    page.run(
        "document.getElementById('spans').dispatchEvent(new KeyboardEvent('keydown',"
        "{key: 'ArrowRight', shiftKey: true, bubbles: true}))"
    )
    page.settle()
    assert page.window()[0] > begin
    page.press(*(["0"] + [Keys.ARROW_LEFT] * 3))
    assert page.window()[0] >= -1_000_000 * 0.02


def test_the_keyboard_selects_and_the_details_show_everything(page):
    from selenium.webdriver.common.keys import Keys

    page.focus()
    page.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert page.selected() == 1
    shown = page.text("details")
    for text in ("app.load", "/app/app.py:7", "300 \u00b5s", "MainThread", "user", "ann", "return"):
        assert text in shown
    assert "redacted by arg:card, app.toml:9" in shown
    assert "traced by pkg:app, app.toml:3" in shown
    page.press(Keys.ARROW_DOWN)
    assert page.text("details").startswith("app.read")
    page.press(Keys.ARROW_UP, Keys.ARROW_RIGHT)
    assert page.text("details").startswith("pool.work")
    page.press(Keys.ENTER)
    assert page.window()[0] == pytest.approx(300_000 - 25_000)
    page.press(Keys.ESCAPE)
    assert page.selected() == -1


def test_a_click_on_a_slice_selects_it(page):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    canvas = page.driver.find_element(By.ID, "spans")
    size = page.run(
        "const b = arguments[0].getBoundingClientRect(); return [b.width, b.height]", canvas
    )
    begin, end = page.window()
    x = (700_000 - begin) / (end - begin) * size[0]  # in app.save, below the axis and two rows
    y = 22 + 2 + 19 + 18 + 8
    ActionChains(page.driver).move_to_element_with_offset(
        canvas, int(x - size[0] / 2), int(y - size[1] / 2)
    ).click().perform()
    page.settle()
    assert page.text("details").startswith("app.save")


def test_failed_spans_are_marked_and_found(page):
    assert page.text("next-error") == "1 error"
    page.click("next-error")
    shown = page.text("details")
    assert shown.startswith("app.write")
    assert "failed: KeyError" in shown
    assert "Event exception, 140 \u00b5s after its begin" in shown
    assert "no such thing" in shown
    assert any(color == "197,34,31" for color in page.colors())


def test_search_finds_names_and_values(page):
    search = "document.getElementById('search')"
    page.press("/")
    assert page.run(f"return document.activeElement === {search}") is True
    page.press(*"pool.")
    page.wait("document.getElementById('matches').textContent === '1 found'")
    page.press("\ue007")
    assert page.text("details").startswith("pool.work")
    page.press("\ue00c")
    assert page.text("matches") == ""
    page.press("/", *"ANN")
    page.wait("document.getElementById('matches').textContent === '1 found'")
    page.click("next")
    assert page.text("details").startswith("app.load")
    page.press("\ue00c", "/", *"nowhere")
    page.wait("document.getElementById('matches').textContent === '0 found'")
    assert page.run("return document.getElementById('next').disabled") is True


def test_the_table_has_the_figures_sorts_and_marks_a_functions_spans(page):
    def rows():
        return page.run(
            "return [...document.querySelectorAll('#rows tr')]"
            ".map((row) => [...row.cells].map((cell) => cell.textContent))"
        )

    assert rows()[0] == [
        *("pool.work", "1", "500 \u00b5s", "500 \u00b5s", "0"),
        *("500 \u00b5s", "500 \u00b5s", "500 \u00b5s"),
    ]
    page.run("document.querySelector('#columns th button').click()")
    names = ["app.load", "app.main", "app.read", "app.save", "app.write", "pool.work"]
    assert [row[0] for row in rows()] == names
    page.run("document.querySelectorAll('#columns th button')[4].click()")
    assert rows()[0][0] == "app.write"
    page.run("document.querySelector('#rows button').click()")
    assert page.text("matches") == "1 found"


def test_it_is_light_or_dark_as_the_system_is_and_as_one_likes(page):
    def prefer(scheme):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        page.settle()
        page.settle()

    def background():
        drawn = page.colors()
        return max(drawn, key=drawn.get), page.run(
            "return getComputedStyle(document.body).backgroundColor"
        )

    light, dark = ("255,255,255", "rgb(255, 255, 255)"), ("20,23,27", "rgb(20, 23, 27)")
    try:
        prefer("light")
        assert background() == light
        prefer("dark")
        assert background() == dark
        page.click("theme")
        assert background() == light
        page.click("theme")
        assert background() == dark
    finally:
        prefer("")


CONTRASTS = """
    function channel(value) {
      return value <= 10.31 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4;
    }
    function light(color) {
      const pen = document.createElement("canvas").getContext("2d");
      pen.fillStyle = color;
      pen.fillRect(0, 0, 1, 1);
      const [r, g, b] = pen.getImageData(0, 0, 1, 1).data;
      return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b) + 0.05;
    }
    const palette = new Palette(), found = [];
    const compare = (a, b) => found.push(Math.max(light(a) / light(b), light(b) / light(a)));
    for (let n = 0; n < 400; n++) {
      compare(palette.text, palette.of({name: `module${n}.function${n}`, file: ""}));
    }
    for (const name of ["text", "soft", "accent", "error", "mark"]) {
      for (const back of ["page", "panel"]) compare(palette[name], palette[back]);
    }
    return Math.min(...found);
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_can_be_read_on_its_colour(page, theme):
    page.run("document.documentElement.dataset.theme = arguments[0]", theme)
    assert page.run(CONTRASTS) >= 4.5  # what WCAG 2 asks of normal text


def test_an_exception_is_shown_frame_by_frame_with_the_locals_of_each(show):
    caught = {"codetracer.local.kept": "no part of it"}
    way = [{"codetracer.local.order": "A-7"}, {}, {"codetracer.local.rate": 0, "code.x": 1}]
    page = show(
        line(1, 0, 1000, name="app.main", attributes=caught),
        line(2, 100, 800, parent=1, name="app.order", error="KeyError", attributes=way[0]),
        line(3, 150, 50, parent=2, name="app.tried", error="KeyError", attributes=caught),
        line(4, 210, 600, parent=2, name="app.price", error="KeyError", attributes=way[1]),
        line(5, 220, 580, parent=4, name="app.rate", error="KeyError", attributes=way[2]),
        line(6, 225, 10, parent=5, name="app.other", error="OSError", attributes=caught),
    )
    page.focus()
    page.press("e", "e", "e")
    shown = page.text("details").partition("frame by frame")[2]
    shown = shown.partition("Attributes")[0].partition("Parent")[0]
    assert shown == (
        "\u2715 app.order  800 \u00b5sorderA-7\u2715 app.price  600 \u00b5s"
        "\u2715 app.rate  580 \u00b5srate0"
    )


def test_the_root_says_why_its_trace_was_kept(show):
    kept = {"codetracer.tail.reason": "error"}
    page = show(
        line(1, 0, 1000, name="app.main", error="KeyError", attributes=kept),
        line(2, 100, 300, parent=1, name="app.load"),
    )
    page.focus()
    page.press("e")
    assert "This trace was kept: a span of it has failed." in page.text("details")


def test_before_anything_is_selected_the_failed_spans_are_listed(page):
    assert "Failed\u2715 app.write  140 \u00b5s" in page.text("details").replace("\n", "")
    page.run("document.querySelector('#details button').click()")
    assert page.text("details").startswith("app.write")


def test_help_and_notes_are_there_when_needed(show):
    page = show(*traced(), "noise of the program")
    assert "1 line without a span" in page.text("notes")
    assert page.run("return document.getElementById('keys').hidden") is True
    page.press("?")
    assert page.run("return document.getElementById('keys').hidden") is False


HOSTILE = [
    "</script><script>window.broken = 1</script>",
    "<img src=x onerror='window.broken = 1'>",
    "--><!--<svg onload=alert(1)>",
    "\"'`${alert(1)}\\",
    "]]></title></style>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_in_names_keys_and_values_is_text(show, text):
    event = {"name": text, "timestamp": "2023-11-14T22:13:20.000001Z", "attributes": {text: text}}
    values = {f"codetracer.arg.{text}": text, "codetracer.return": text, text: text}
    made = line(1, name=text, attributes=values, events=[event], error=text)
    page = show(made | {"attributes": made["attributes"] | {"thread.name": text, "thread.id": 1}})
    page.click("next-error")
    shown = page.text("details")
    assert shown.count(text) >= 8
    assert page.text("rows").startswith(text)
    assert page.run("return window.broken") is None
    assert page.run("return document.querySelectorAll('img, svg, iframe').length") == 0
    assert page.run("return document.querySelectorAll('script:not([type])').length") == 1
    assert page.requests() == [page.url]
    assert page.complaints() == []


def test_what_is_invisible_or_turns_text_round_is_shown_as_an_escape(show):
    text = "a\x00b\u202ec\u2066d\u200be\x1b[31mf\u2028g\U000e0041h\ttab\nline"
    page = show(line(1, name=f"app.{text}", attributes={"codetracer.arg.x": text}, error="E"))
    page.click("next-error")
    shown = page.text("details")
    escaped = "a\\x00b\\u202ec\\u2066d\\u200be\\x1b[31mf\\u2028g\\u{e0041}h"
    assert f"{escaped}\ttab\nline" in shown
    assert shown.startswith(f"app.{escaped}\\ttab\\nline")
    assert not set("\u202e\u2066\u200b\x00\x1b\u2028") & set(page.run("return document.title"))


def test_text_of_other_scripts_stays_what_it_is(show):
    text = "\u05e9\u05dc\u05d5\u05dd \u4f60\u597d \U0001f600 \u0645\u0631\u062d\u0628\u0627"
    page = show(line(1, attributes={"codetracer.arg.x": text}, error="E"))
    page.click("next-error")
    assert text in page.text("details")


def test_a_long_value_is_cut_until_it_is_asked_for(show):
    text = "<x>" * 349_525 + "!"
    page = show(line(1, attributes={"codetracer.arg.x": text}, error="E"))
    page.click("next-error")
    assert "show 1,046,576 more characters" in page.text("details")
    page.run(
        "[...document.querySelectorAll('#details button')]"
        ".find((button) => button.textContent.startsWith('show')).click()"
    )
    assert page.run("return document.querySelector('#details .value').textContent") == text


def test_folded_siblings_say_what_they_are(show):
    steps = [line(n + 2, n * 10, 3, parent=1, name="app.step") for n in range(500)]
    page = show(line(1, 0, 5000, name="app.main"), *steps, limit=10)
    assert "spans are too many to draw" in page.text("notes")
    page.press("/", *"app.step")
    page.wait("document.getElementById('matches').textContent.endsWith('found')")
    page.run(
        "const model = JSON.parse(document.getElementById('trace').textContent);"
        "window.first = Number(Object.keys(model.runs)[0]);"
    )
    for _ in range(12):
        page.press("\ue007")
        if page.selected() == page.run("return window.first"):
            break
    shown = page.text("details")
    assert "more calls of app.step" in shown
    assert "Their values are not in this page" in shown


def test_merged_slices_still_show_what_failed(show):
    steps = [
        line(n + 2, n, 0.5, parent=1, name="app.step", error="E" if n == 10_000 else None)
        for n in range(20_000)
    ]
    page = show(line(1, 0, 20_000, name="app.main"), *steps)
    assert page.colors().get("197,34,31", 0) > 0
    assert page.complaints() == []


def test_a_recording_says_that_it_holds_no_time(driver, tmp_path):
    from tests.traces.sources.test_native_source import WHOLE

    folder = tmp_path / "recording"
    folder.mkdir()
    (folder / "trace.json").write_text(json.dumps(WHOLE))
    build_report([str(folder)], str(tmp_path / "page.html"))
    page = Page(driver, tmp_path / "page.html")
    assert "lengths are steps" in page.text("facts")
    page.click("next-error")
    assert page.text("details").startswith("g/app/a.py:92 steps")


def test_the_flame_graph_stands_beside_the_timeline_and_marks_what_is_chosen(page):
    page.press("f")
    assert page.run("return document.getElementById('flame').hidden") is False
    assert page.run("return document.getElementById('spans').clientWidth") > 300
    drawn = page.colors("flame-spans")
    assert len(drawn) > 5
    page.run("document.getElementById('flame-spans').focus()")
    page.press("\ue015")
    assert page.text("flame-text").startswith("app.main: 1 call, 1.50 ms in all, 300 \u00b5s self")
    page.press("\ue015")
    assert page.text("flame-text").startswith("pool.work: 1 call, 500 \u00b5s in all")
    assert page.text("matches") == "1 of 1 found" or page.text("matches") == "1 found"
    page.press("\ue007")
    assert page.run("return document.getElementById('flame-spans').dataset.boxes") == "2"
    page.press("0")
    assert page.run("return document.getElementById('flame-spans').dataset.boxes") == "6"
    assert page.complaints() == []
    page.press("t")
    assert page.colors("flame-spans") != drawn


def test_functions_of_one_name_are_told_apart_by_their_places(show):
    first = line(1, 0, 500, attributes={"code.file.path": "/a/before.py", "code.line.number": 3})
    second = line(2, 600, 500, attributes={"code.file.path": "/a/after.py", "code.line.number": 4})
    page = show(first, second, line(3, 1200, 100, name="app.other"))
    rows = page.run("return [...document.querySelectorAll('#rows .link')].map(e => e.textContent)")
    assert sorted(rows) == ["app.other", "app.workafter.py:4", "app.workbefore.py:3"]
    assert page.complaints() == []


def test_two_sides_are_compared_on_one_page(driver, tmp_path):
    old = write(
        tmp_path / "old.jsonl", *(line(n, n * 100, 50, name="app.query") for n in range(1, 5))
    )
    later = [line(20 + n, 9_000_000 + n * 100, 50, name="app.query") for n in range(1, 9)]
    new = write(tmp_path / "new.jsonl", *later, line(40, 9_002_000, 90, name="app.<b>new"))
    output = tmp_path / "page.html"
    build_comparison([old], [new], str(output))
    page = Page(driver, output)
    items = page.run("return [...document.querySelectorAll('#changes li')].map(e => e.textContent)")
    assert items[0].startswith("callsapp.query: 4 -> 8 calls")
    assert items[1].startswith("newapp.<b>new: a new function, 1 call")
    assert "1.99 ms" in page.text("facts")
    page.run("document.querySelectorAll('#changes button')[0].click()")
    assert page.text("matches") == "12 found"
    assert page.run("return document.getElementById('search').value") == "app.query"
    page.run("document.getElementById('flame-spans').focus()")
    page.press("\ue015")
    assert "4 \u2192 8 calls, 200 \u00b5s \u2192 400 \u00b5s in all" in page.text("flame-text")
    assert page.complaints() == []
    driver.get("about:blank")


def test_the_lines_of_a_function_are_shown_without_what_looks_like_a_secret(show, tmp_path):
    from codetracer_otel.cli.report import FilterRules

    key = "ghp_" + "a1B2" * 9
    source = tmp_path / "app.py"
    source.write_text(f"\n\ndef work(a):\n    token = '{key}'\n    return '<b>' * a\n\nother = 1\n")
    where = {"code.file.path": str(source), "code.line.number": 3}
    page = show(line(1, attributes=where), rules=FilterRules([]))
    page.focus()
    page.press("\ue015")
    code = page.run("return document.querySelector('.code').textContent")
    assert code == "def work(a):\n    token = '<redacted>'\n    return '<b>' * a"


def test_calls_that_the_recorder_folded_say_how_many_they_are(show):
    folded = {"codetracer.folded.count": 4000, "codetracer.folded.total_us": 300}
    page = show(line(1, 0, 1000, name="app.main"), line(2, 10, 900, parent=1, attributes=folded))
    page.focus()
    page.press("\ue015", "\ue015")
    assert page.run("return document.querySelector('#details h2').textContent") == "app.work"
    page.press("\ue013")
    links = page.run(
        "return [...document.querySelectorAll('#details .link')].map(e => e.textContent)"
    )
    assert links == ["app.work \u00d74,000"]
    calls = "return [...document.querySelectorAll('#rows td')].map(e => e.textContent)"
    assert "4,000" in page.run(calls)
