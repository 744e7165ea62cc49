#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The page in Chromium, on a real inspector with a minicloud behind it.

tests/page/test_page.py [CLASS[.TEST] ...]; says what happens in the words of cmocka, for tests/run. With
DOCTOR_PAGE_PICTURE=FILE the picture of the README is written there.
"""
import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
try:
    from selenium.webdriver.common.keys import Keys

    from browser import Browser
except ImportError as e:
    Browser = None
    MISSING = str(e)
from world import World, wait

browser = None  # one for all


def state_of(host):
    return browser.js("const c = document.querySelector(`[data-name='${arguments[0]}'] .cell`); return c && c.dataset.state", host)


def text_of(selector):
    return browser.js("const e = document.querySelector(arguments[0]); return e ? e.textContent : ''", selector)


def wait_state(host, state):
    wait(f"{host} is {state}, not {state_of(host)}", lambda: state_of(host) == state)


def wait_text(selector, pattern):
    wait(f"{pattern} in {selector}: {text_of(selector)!r}", lambda: re.search(pattern, text_of(selector)))


def open_incident(host, state):
    """Unfolds it, and waits until its time-line is there."""
    found = "[...document.querySelectorAll('.incidents > li')].find((i) => i.querySelector('strong').textContent === arguments[0] && i.dataset.state === arguments[1])"
    wait(f"an incident of {host} that is {state}", lambda: browser.js(f"return !!{found}", host, state))
    browser.js(f"{found}.firstChild.open = true", host, state)
    return wait("its time-line", lambda: browser.js(f"const i = {found}; return i && i.querySelector('.timeline') && i", host, state))


class Case(unittest.TestCase):
    options = {}

    @classmethod
    def setUpClass(cls):
        cls.world = World(**cls.options)

    @classmethod
    def tearDownClass(cls):
        browser.driver.get("about:blank")
        cls.world.close()

    def setUp(self):
        browser.size(1200, 900)
        browser.media()
        self.expected = []  # complaints of the console that are no failure
        browser.driver.get(self.world.url + "/")
        browser.js("window.marker = 1; sessionStorage.clear()")
        browser.complaints()
        self.shown()

    def tearDown(self):
        bad = [c for c in browser.complaints() if not any(e in c for e in self.expected)]
        self.assertEqual(bad, [])

    def shown(self):
        wait_text("#link", "live")
        wait_text("#summary", "host")

    def assert_not_loaded_anew(self):
        self.assertEqual(browser.js("return window.marker"), 1)


class PageTest(Case):
    options = {
        "zones": {"east": ["compute-1", "compute-2", "compute-3"], "west": ["compute-4", "compute-5"]},
        "settings": "refresh: 2s\nbrake: {share: 100%}\n",
    }

    def test_01_hosts_by_zone_and_state(self):
        zones = browser.js("""return [...document.querySelectorAll('#zones > div')].map((z) =>
            [z.querySelector('h3').textContent, [...z.querySelectorAll('.calm .name')].map((n) => n.textContent)])""")
        self.assertEqual([z[1] for z in zones], [["compute-1", "compute-2", "compute-3"], ["compute-6", "compute-7", "compute-8"],
                                                 ["compute-4", "compute-5"]])
        self.assertEqual([z[0] for z in zones], ["Zone east · 3 hosts", "Zone nova · 3 hosts", "Zone west · 2 hosts"])
        self.assertEqual(text_of("#summary"), "● All 8 hosts are up")
        self.assertEqual({state_of(f"compute-{n}") for n in range(1, 9)}, {"up"})
        browser.js("document.getElementById('find').value = 'PUTE-4'; document.getElementById('find').dispatchEvent(new Event('input'))")
        seen = "return [...document.querySelectorAll('.cell')].filter((c) => c.checkVisibility()).map((c) => c.querySelector('.name').textContent)"
        wait("the one that was looked for", lambda: browser.js(seen) == ["compute-4"])

    def test_02_an_event_changes_the_page(self):
        self.world.down("compute-1")
        wait_state("compute-1", "down")
        self.assert_not_loaded_anew()
        wait_text("#summary", "^■ 1 down · of 8 hosts$")
        wait_text("#zones h3", "^Zone east · 3 hosts · 1 down$")
        wait_text("#news", "compute-1 is down|Incident of compute-1")
        self.assertTrue(browser.js("return !!document.querySelector('#zones .cells:not(.calm) [data-name=compute-1]')"))
        wait_text("#open", "compute-1.*compute.host.down.*host down, servers in error")
        self.assertEqual(browser.driver.title, "■ 1 down – Doctor")
        self.world.up("compute-1")
        wait_state("compute-1", "up")
        wait_text("#ended", "closed.*compute-1")
        wait_text("#summary", "^● All 8 hosts are up$")
        self.assert_not_loaded_anew()

    def test_03_time_line(self):
        self.world.down("compute-2")
        item = open_incident("compute-2", "marked")
        labels = browser.js("return [...arguments[0].querySelectorAll('.timeline text')].map((t) => t.textContent)", item)
        spans = browser.js("return [...arguments[0].querySelectorAll('.timeline rect')].map((r) => [parseFloat(r.getAttribute('x')), parseFloat(r.getAttribute('width'))])", item)
        for label in ("reported and judged", "T04 host marked down", "T02 servers found", "T03 servers set to error (2)"):
            self.assertIn(label, labels)
        self.assertTrue(all(re.fullmatch(r"-?[\d.]+ – [\d.]+ ms|-?[\d.]+ ms", t) for t in labels[1::2]), labels)
        self.assertGreaterEqual(len(spans), 4)
        self.assertTrue(all(0 <= x and 0 < w and x + w <= 100 for x, w in spans), spans)
        # servers are set to error after the host was marked down
        rows = dict(zip(labels[::2], labels[1::2]))
        start, end = (float(rows[r].split(" ")[n]) for r, n in (("T03 servers set to error (2)", 0), ("T04 host marked down", 2)))
        self.assertGreaterEqual(start + 0.2, end)
        self.assertIn("T04 host marked down", browser.js("return arguments[0].querySelector('.timeline').getAttribute('aria-label')", item))
        self.assertGreaterEqual(len(browser.js("return [...arguments[0].querySelectorAll('.point')].map((p) => p.getAttribute('d'))", item)), 3)
        self.world.up("compute-2")
        wait("the way back", lambda: browser.js("return arguments[0].querySelectorAll('.timeline').length", open_incident("compute-2", "closed")) == 2)
        self.assert_not_loaded_anew()

    def test_04_text_is_text(self):
        evil = "<script>window.evil = 1</script>\u2028<img src=x onerror='window.evil = 1'>"
        self.world.maintain("compute-6", evil)
        wait_state("compute-6", "maintenance")
        wait("the reason as text", lambda: evil in text_of("#maintenance-list"))
        self.world.down("compute-7", monitor="<b>monitor</b><script>window.evil = 1</script>\u2029")
        open_incident("compute-7", "marked")
        self.assertIn("<b>monitor</b><script>", text_of("#open"))
        browser.js("document.querySelector('[data-name=compute-6] .cell').click()")
        wait("the dialog", lambda: evil in text_of("#host-body"))
        self.assertEqual(browser.js("return [window.evil, document.scripts.length, document.images.length, document.querySelectorAll('main b').length]"), [None, 4, 0, 0])
        browser.keys(Keys.ESCAPE)
        self.world.up("compute-7")

    def test_05_phone(self):
        self.world.down("compute-3")
        self.world.maintain("compute-8", "A" * 200)
        wait_state("compute-3", "down")
        for width in (320, 360, 412):
            browser.size(width, 740, mobile=True)
            open_incident("compute-3", "marked")
            browser.js("for (const d of document.querySelectorAll('#incidents details, .zone')) d.open = true")
            self.assertEqual(self.too_wide(), [], f"at {width} px")
            top = browser.js("return document.getElementById('summary').getBoundingClientRect().bottom")
            self.assertLess(top, 200, "the summary is seen at once")
            browser.js("document.querySelector('[data-name=compute-8] .cell').click()")
            wait_text("#host-body", "doctorctl why compute-8")
            self.assertEqual(self.too_wide(), [], f"the dialog at {width} px")
            browser.keys(Keys.ESCAPE)

    def too_wide(self):
        return browser.js("""const w = window.innerWidth;
            if (document.documentElement.scrollWidth <= w && visualViewport.scale === 1) return [];
            return [document.documentElement.scrollWidth, ...[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > w + 0.5).map((e) => e.outerHTML.slice(0, 120))]""")

    def test_06_dark_and_light(self):
        """Every text that is seen has the contrast of WCAG AA in both; and they are two."""
        self.world.down("compute-4")
        wait_state("compute-4", "down")
        open_incident("compute-4", "marked")
        grounds = []
        for scheme in ("light", "dark"):
            browser.media(prefers_color_scheme=scheme)
            browser.js("""document.getElementById('access').hidden = false;
                for (const d of document.querySelectorAll('details')) d.open = true;
                for (const mood of ['bad', 'busy', 'note', 'good']) for (const kind of ['alarm', 'cell']) {
                    const e = document.createElement('p'); e.className = kind; e.dataset.mood = mood; e.textContent = `${kind} ${mood}`;
                    document.getElementById('zones').append(e); }""")
            texts = browser.contrast()
            self.assertGreater(len(texts), 80)
            self.assertEqual([t for t in texts if t[1] < t[2]], [], scheme)
            browser.js("document.querySelector('[data-name=compute-4] .cell').click()")
            wait_text("#host-body", "doctorctl why")
            self.assertEqual([t for t in browser.contrast() if t[1] < t[2]], [], scheme)
            browser.keys(Keys.ESCAPE)
            browser.js("document.getElementById('summary').style.color = '#777'")
            self.assertEqual([t[0] for t in browser.contrast() if t[1] < t[2]][:1], [text_of("#summary .part")], "it can be seen")
            browser.js("document.getElementById('summary').style.color = ''")
            grounds.append(browser.js("return getComputedStyle(document.documentElement).backgroundColor"))
        self.assertNotEqual(*grounds)
        self.world.up("compute-4")

    def test_07_keyboard(self):
        self.world.down("compute-5")
        wait_state("compute-5", "down")
        open_incident("compute-5", "marked")
        browser.js("document.activeElement.blur()")
        focused = []
        for _ in range(60):
            browser.keys(Keys.TAB)
            now = browser.js("""const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
                return e === document.body ? null : [e.id || e.className || e.tagName, s.outlineStyle, parseFloat(s.outlineWidth), e.textContent.slice(0, 60), r.top + scrollY, r.width, r.top >= -1 && r.bottom <= innerHeight + 1]""")
            if now is None:
                break
            focused.append(now)
        names = [f[0] for f in focused]
        self.assertEqual([f for f in focused if f[1] == "none" or f[2] < 2 or f[5] < 1 or not f[6]], [], "focus is seen")
        self.assertEqual(names[0], "skip")
        for wanted in ("find", "only"):
            self.assertIn(wanted, names)
        tops = [f[4] for f in focused[1:] if f[0] != "skip"]
        self.assertEqual(tops, sorted(tops), "the order is that of the page")
        # one way into each group, and arrows to all of it
        self.assertEqual(browser.js("return [...document.querySelectorAll('.cells')].filter((l) => l.children.length && l.querySelectorAll('.cell[tabindex=\"0\"]').length !== 1).length"), 0)
        browser.js("document.querySelector('[data-name=compute-1] .cell').focus()")
        at = "return document.activeElement.querySelector('.name').textContent"
        browser.keys(Keys.END)
        last = browser.js(at)
        browser.keys(Keys.HOME)
        self.assertEqual(browser.js(at), "compute-1")
        browser.keys(Keys.ARROW_RIGHT)
        self.assertEqual(browser.js(at), "compute-2")
        browser.keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
        self.assertEqual(browser.js(at), "compute-1")
        self.assertNotEqual(last, "compute-1")
        browser.keys(Keys.ENTER)
        wait_text("#host-body", "doctorctl why compute-1")
        self.assertTrue(browser.js("return document.getElementById('host').open && document.getElementById('host').contains(document.activeElement)"))
        browser.keys(Keys.ESCAPE)
        self.assertFalse(browser.js("return document.getElementById('host').open"))
        self.assertEqual(browser.js(at), "compute-1")
        # who has the focus keeps it when its host changes
        self.world.down("compute-1")
        wait_state("compute-1", "down")
        self.assertEqual(browser.js(at), "compute-1")
        self.world.up("compute-1")
        self.world.up("compute-5")

    def test_08_names(self):
        self.world.down("compute-4")
        open_incident("compute-4", "marked")
        nodes = browser.accessible()
        roles = [n[0] for n in nodes]
        controls = ("button", "link", "textbox", "searchbox", "checkbox", "DisclosureTriangle", "img", "image", "region", "dialog", "list")
        groups = [n for n in nodes if n[0] in controls and n[0] != "list"]
        self.assertGreater(len(groups), 15)
        self.assertEqual([n for n in groups if not n[1].strip()], [])
        for landmark in ("banner", "main", "contentinfo", "region", "status"):
            self.assertIn(landmark, roles)
        self.assertEqual(roles.count("main"), 1)
        self.assertLessEqual({"Hosts", "Incidents", "Maintenance", "The inspector", "What the signs mean"},
                             {n[1] for n in nodes if n[0] == "region"})
        self.assertIn(("button", "compute-4, down, 2 servers"), [n[:2] for n in nodes])
        self.assertTrue(any(n[0] in ("img", "image") and "T04 host marked down" in n[1] for n in nodes))
        levels = [n[2]["level"] for n in nodes if n[0] == "heading"]
        self.assertEqual(levels[0], 1)
        self.assertEqual([(a, b) for a, b in zip(levels, levels[1:]) if b > a + 1], [], "no level is left out")
        self.assertEqual(browser.js("return [document.documentElement.lang, document.getElementById('news').getAttribute('aria-live')]"), ["en", "polite"])
        self.world.up("compute-4")

    def test_09_not_by_colour_alone(self):
        signs = browser.js("return Object.entries(STATES).map(([n, s]) => [n, s.sign, s.word])")
        self.assertEqual(len({s[1] for s in signs}), len(signs))
        self.assertEqual(len({s[2] for s in signs}), len(signs))
        self.world.maintain("compute-6", "disk")
        self.world.down("compute-7")
        wait_state("compute-6", "maintenance")
        wait_state("compute-7", "down")
        self.assertEqual(browser.js("return document.querySelector('[data-name=compute-6]').innerText.split(/\\s+/)"), ["□", "compute-6", "maintenance"])
        self.assertEqual(browser.js("return document.querySelector('[data-name=compute-7]').innerText.split(/\\s+/)"), ["■", "compute-7", "down"])
        moves = "return getComputedStyle(document.querySelector('.changed')).animationName"
        self.assertEqual(browser.js(moves), "changed")
        browser.media(prefers_reduced_motion="reduce")
        self.assertEqual(browser.js(moves), "none")
        self.world.up("compute-7")

    def test_10_nothing_foreign_runs(self):
        tried = browser.js("""const out = [];
            for (const go of [
                () => { const s = document.createElement('script'); s.textContent = 'window.foreign = 1'; document.head.append(s); },
                () => { document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="window.foreign = 1">'); },
                () => { document.body.setAttribute('onclick', 'window.foreign = 1'); document.body.click(); },
                () => { const l = document.createElement('link'); l.rel = 'stylesheet'; l.href = 'http://127.0.0.1:9/x.css'; document.head.append(l); },
                () => { fetch('http://127.0.0.1:9/').catch(() => 0); },
            ]) { try { go(); } catch (e) { out.push(e.name); } }
            return out""")
        time.sleep(0.3)
        self.assertIsNone(browser.js("return window.foreign || null"))
        complaints = browser.complaints()
        self.assertGreaterEqual(len(tried) + len([c for c in complaints if "Content Security Policy" in c]), 5, complaints)
        self.assertEqual(browser.js("return fetch('/v1/incidents/none/release', { method: 'POST' }).then((r) => r.status)"), 403)
        self.expected = ["status of 403"]

    def test_11_it_comes_back(self):
        self.world.down("compute-1")
        wait_state("compute-1", "down")
        self.expected = ["ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE"]
        self.assertEqual(self.world.stop("doctor-inspector"), 0)
        wait_text("#alarm-list", "Not connected")
        wait_text("#link", "not connected")
        self.assertEqual(state_of("compute-1"), "down")
        wait("a title that says so", lambda: browser.driver.title == "✕ not connected – Doctor")
        self.assertEqual(browser.js("return document.getElementById('summary').dataset.mood"), "note")
        self.world.start_inspector()
        wait_text("#link", "live")
        wait("a title that tells of it", lambda: re.fullmatch("■ [0-9]+ down – Doctor", browser.driver.title))
        self.assertEqual(browser.js("return document.getElementById('summary').dataset.mood"), "bad")
        wait("no alarm", lambda: "Not connected" not in text_of("#alarm-list"))
        self.world.up("compute-1")
        wait_state("compute-1", "up")
        wait_text("#news", "Connected again|compute-1")
        self.assert_not_loaded_anew()


def cell_of(host):
    """What is seen of a host: its words, mood, whether a change is shown; and what it is called where it is heard."""
    words, mood, classes = browser.js("""const c = document.querySelector(`[data-name='${arguments[0]}'] .cell`);
        return [c.innerText.split(/\\s+/).join(' '), c.dataset.mood, [...c.classList]]""", host)
    names = [n[1] for n in browser.accessible() if n[0] == "button" and n[1].startswith(host + ",")]
    return words, mood, classes, names


class StatesTest(Case):
    """Each state that a host can be in, and what is seen and heard of it."""
    options = {"hosts": 8, "settings": "refresh: 1s\nbrake: {share: 100%}\njudge: {forget: 1s}\n"}

    def assert_shown(self, host, state, sign, mood, word, says):
        wait_state(host, state)
        words, shown, classes, names = cell_of(host)
        self.assertEqual((words, shown), (f"{sign} {host} {word}", mood))
        self.assertEqual(classes, ["cell", "changed"])
        self.assertEqual(names, [f"{host}, {word}, 2 servers"])
        wait_text("#summary", f"{sign} 1 {word}")
        self.assertEqual(browser.js("return document.querySelector(`[data-name='${arguments[0]}']`).closest('.calm')", host), None)
        browser.js("document.querySelector(`[data-name='${arguments[0]}'] .cell`).click()", host)
        wait_text("#host-body", re.escape(f"{sign} {word}: {says}"))
        self.assertIn(("dialog", host), [n[:2] for n in browser.accessible()])
        browser.keys(Keys.ESCAPE)
        self.assert_not_loaded_anew()

    def test_acting_then_failed(self):
        self.world.fail(fault="hang", service="compute", method="PUT")
        self.world.down("compute-1")
        self.assert_shown("compute-1", "acting", "◆", "busy", "acting", "reported, and being judged or marked down")
        wait_text("#open", "◆ forcing compute-1")
        self.world.mend()
        self.world.fail(fault="status", status=400, service="compute", method="PUT")
        self.assert_shown("compute-1", "failed", "✕", "bad", "not done", "what was to be done failed")
        wait_text("#open", "✕ failed compute-1")
        self.world.mend()
        self.world.down("compute-1")
        wait_state("compute-1", "down")
        self.world.up("compute-1")
        wait_state("compute-1", "up")

    def test_incomplete(self):
        self.world.fail(fault="status", status=400, service="compute", method="POST")
        self.world.down("compute-2")
        self.assert_shown("compute-2", "failed", "✕", "bad", "not done", "what was to be done failed")
        wait_text("#open", "✕ incomplete compute-2")
        item = open_incident("compute-2", "incomplete")
        self.assertTrue(browser.js("return !!arguments[0].querySelector('.span.failed')", item))
        self.assertRegex(browser.js("return arguments[0].querySelector('.timeline').getAttribute('aria-label')", item), "2 failed")
        self.world.mend()
        self.world.up("compute-2")
        wait_state("compute-2", "up")

    def test_returning(self):
        self.world.down("compute-3")
        wait_state("compute-3", "down")
        self.world.fail(fault="hang", service="compute", method="PUT")
        self.world.up("compute-3")
        self.assert_shown("compute-3", "returning", "◐", "busy", "returning", "heard again; what was changed is changed back")
        wait_text("#open", "◐ restoring compute-3")
        self.world.mend()
        wait_state("compute-3", "up")

    def test_fault(self):
        self.assertEqual(self.world.post("compute-4", "compute.host.nic.error", interface="eth1"), 200)
        self.assert_shown("compute-4", "fault", "◇", "note", "fault", "an open fault for which it is not marked down")
        self.assertEqual(self.world.post("compute-4", "compute.host.nic.error", interface="eth1", status="up"), 200)
        wait_state("compute-4", "up")

    def test_silent(self):
        self.world.silence("compute-5")
        self.assert_shown("compute-5", "silent", "▼", "bad", "silent", "Nova hears nothing of its nova-compute")
        self.world.silence("compute-5", False)
        wait_state("compute-5", "up")

    def test_disabled(self):
        self.world.disable("compute-6")
        self.assert_shown("compute-6", "disabled", "○", "note", "disabled", "by a person, in Nova")

    def test_stale(self):
        self.world.maintain("compute-7", "a fan")
        self.world.down("compute-7")
        wait_text("#open", "▲ held by maintenance compute-7")
        self.assertNotIn("too old", text_of("#alarm-list"))
        time.sleep(1.2)  # judge.forget
        self.world.end_maintenance("compute-7")
        wait_text("#alarm-list", "▲ 1 incident held, as what was said is too old: a person decides")
        identity = self.world.incident("compute-7", "held")
        self.assertIn(f"doctorctl incidents release {identity}", text_of("#alarm-list"))
        self.assertEqual(browser.js("return document.querySelector('#alarm-list .alarm').dataset.mood"), "bad")
        self.assertIn("Look at this", [n[1] for n in browser.accessible() if n[0] == "region"])
        wait_text("#news", "held, as what was said is too old")
        self.assert_shown("compute-7", "held", "▲", "bad", "held", "said to be down, and a rule forbids to act")
        self.world.up("compute-7")
        wait_state("compute-7", "up")
        wait("no alarm", lambda: browser.js("return document.getElementById('alarms').hidden"))


class NoCloudTest(Case):
    """As it is installed: there is no Nova, and nothing that the page says is of one."""
    options = {"hosts": 1, "cloud": "none"}

    def test_hosts_of_monitors(self):
        wait_text("#summary", "^No monitor has told of a host yet$")
        banner = "No cloud is configured: hosts are judged, and nothing is done for them"
        wait_text("#alarm-list", banner)
        self.assertEqual(browser.js("return [...document.querySelectorAll('.alarm strong')].map((a) => a.textContent)"), ["◇ " + banner])
        first = browser.js("return document.getElementById('hosts-first').innerText")
        for step in ("doctor-monitor.yaml", "systemctl reload doctor-monitor", "cloud: admin", "doctorctl check"):
            self.assertIn(step, first)
        self.assertFalse(browser.js("return document.getElementById('hosts-none').checkVisibility()"))
        self.world.up("node-b")
        wait_text("#summary", "^● The one host is up$")
        self.assertFalse(browser.js("return document.getElementById('hosts-first').checkVisibility()"))
        self.world.down("node-a")
        wait_state("node-a", "rehearsed")
        self.assertEqual(cell_of("node-a"), ("▣ node-a would be marked down", "bad", ["cell"], ["node-a, would be marked down"]))
        wait_text("#summary", "^▣ 1 would be marked down · of 2 hosts$")
        wait_text("#open", "▣ rehearsed node-a.*dry run: it would be marked down")
        wait_text("#zones h3", "^Told of by monitors · 2 hosts · 1 would be marked down$")
        browser.js("document.querySelector('[data-name=node-a] .cell').click()")
        wait_text("#host-body", "would be marked down: judged to be down; without a cloud nothing is done for it")
        wait_text("#host-body", "In Nova.*no cloud is configured")
        browser.keys(Keys.ESCAPE)
        self.assertNotRegex(browser.js("return document.querySelector('main').innerText"), "Nova hears|marked down in Nova|Map of Nova|in Nova")
        browser.size(320, 740, mobile=True)
        self.assertLessEqual(browser.js("return document.documentElement.scrollWidth"), 320)
        name = "const n = document.querySelector('[data-name=node-a] .name'); return n.scrollWidth <= n.clientWidth"
        self.assertTrue(browser.js(name), "the name is seen beside the long word")
        self.world.up("node-a")
        wait_text("#summary", "^● All 2 hosts are up$")


class DryRunTest(Case):
    options = {"hosts": 3, "settings": "refresh: 1s\nbrake: {share: 100%}\ndry_run: true\n"}

    def test_nothing_is_done(self):
        wait_text("#alarm-list", "^◇ Dry run: hosts are judged, and nothing is changed in the cloud$")
        self.world.down("compute-1")
        wait_state("compute-1", "rehearsed")
        self.assertEqual(cell_of("compute-1"), ("▣ compute-1 would be marked down", "bad", ["cell", "changed"],
                                                ["compute-1, would be marked down, 2 servers"]))
        wait_text("#open", "▣ rehearsed compute-1.*dry run: it would be marked down, and 2 servers set to error")
        browser.js("document.querySelector('[data-name=compute-1] .cell').click()")
        wait_text("#host-body", "would be marked down: judged to be down; a dry run, nothing is done for it")
        wait_text("#host-body", "In Nova.*up")
        browser.keys(Keys.ESCAPE)
        wait_text("#key-list", "marked down in Nova")
        self.world.up("compute-1")
        wait_state("compute-1", "up")


class EdgesTest(Case):
    """What is seen of the page that is no text."""
    options = {"hosts": 5, "settings": "refresh: 1s\nbrake: {hosts: 1, share: 0%}\n"}

    def setUp(self):
        super().setUp()
        self.world.maintain("compute-4", "a fan")
        self.world.fail(fault="status", status=400, service="compute", method="POST", count=1)
        self.world.down("compute-1")
        wait_state("compute-1", "failed")
        self.world.down("compute-2")
        wait_state("compute-2", "held")
        open_incident("compute-1", "incomplete")
        browser.js("""document.getElementById('access').hidden = false;
            for (const d of document.querySelectorAll('.zone')) d.open = true;
            for (const mood of ['bad', 'busy', 'note', 'good']) for (const kind of ['alarm', 'cell']) {
                const e = document.createElement(kind === 'cell' ? 'button' : 'div'); e.className = kind; e.dataset.mood = mood; e.textContent = `${kind} ${mood}`;
                document.getElementById('zones').append(e); }
            for (const kind of ['under-way', 'failed', '']) {
                const e = document.createElementNS('http://www.w3.org/2000/svg', 'rect'); e.setAttribute('class', `span ${kind}`);
                document.querySelector('.timeline').append(e); }""")

    def tearDown(self):
        self.world.up("compute-1")
        self.world.up("compute-2")
        wait_state("compute-1", "up")
        super().tearDown()

    def assert_edges(self, what):
        edges = browser.edges()
        self.assertGreater(len(edges), 40)
        for kind in ("edge cell", "edge alarm", "drawn span failed", "drawn span under-way", "drawn point", "ring cell"):
            self.assertTrue([e for e in edges if e[0].startswith(kind)], kind)
        self.assertEqual([e for e in edges if e[1] < 3], [], what)

    def test_contrast_of_what_is_no_text(self):
        for scheme in ("light", "dark"):
            browser.media(prefers_color_scheme=scheme)
            self.assert_edges(scheme)
            browser.js("document.documentElement.style.setProperty('--focus', '#888')")
            browser.js("document.documentElement.style.setProperty('--edge', getComputedStyle(document.documentElement).backgroundColor)")
            self.assertTrue([e for e in browser.edges() if e[1] < 3], "it can be seen")
            browser.js("document.documentElement.removeAttribute('style')")

    def test_forced_colours(self):
        """The colours of the system: nothing is told by ours."""
        for scheme in ("light", "dark"):
            browser.media(forced_colors="active", prefers_color_scheme=scheme)
            self.assertTrue(browser.js("return matchMedia('(forced-colors: active)').matches"))
            self.assert_edges(scheme)
            self.assertEqual([t for t in browser.contrast() if t[1] < t[2]], [], scheme)
            grounds = browser.js("return [...new Set([...document.querySelectorAll('.cell, .alarm, #summary')].map((e) => getComputedStyle(e).backgroundColor))].length")
            self.assertLessEqual(grounds, 2, "Canvas, and that of buttons")
            self.assertEqual(cell_of("compute-2")[0], "▲ compute-2 held")


class BrakeTest(Case):
    options = {"hosts": 4, "settings": "refresh: 1h\nbrake: {hosts: 0, share: 0%}\n"}

    def test_a_brake_that_holds(self):
        self.world.down("compute-2")
        wait_text("#alarm-list", r"▲ The brake holds 1 incident: NOT marked down")
        identity = self.world.incident("compute-2", "held")
        self.assertIn(f"doctorctl incidents release {identity}", text_of("#alarm-list"))
        wait_state("compute-2", "held")
        wait_text("#summary", "▲ 1 held")
        wait_text("#open", "▲ held by brake")
        wait_text("#news", "The brake holds 1 incident")
        self.assertTrue(browser.js("return document.getElementById('alarms').getBoundingClientRect().top < innerHeight / 2"), "seen at once")
        for scheme in ("light", "dark"):
            browser.media(prefers_color_scheme=scheme)
            self.assertEqual([t for t in browser.contrast() if t[1] < t[2]], [], scheme)
        browser.size(360, 740, mobile=True)
        self.assertLessEqual(browser.js("return document.documentElement.scrollWidth"), 360)
        self.assertEqual(self.world.ask("POST", f"/v1/incidents/{identity}/release", {})[0], 202)
        wait("no alarm", lambda: browser.js("return document.getElementById('alarms').hidden"))
        wait_state("compute-2", "down")
        self.assert_not_loaded_anew()


class ManyHeldTest(Case):
    options = {"hosts": 310, "servers": 1, "settings": "refresh: 1h\nbrake: {hosts: 0, share: 0%}\n"}

    def test_more_than_are_shown(self):
        """A whole room is dead: all of them are counted, and what is not shown is said."""
        events = [{"type": "compute.host.down", "details": {"hostname": f"compute-{n}", "monitor": "m"}} for n in range(1, 309)]
        self.assertEqual(self.world.ask("PUT", "/events", events)[0], 200)
        wait_text("#alarm-list", "▲ The brake holds 308 incidents: NOT marked down")
        wait_text("#open-more", "^And 8 more that are older: doctorctl incidents list$")
        seen = "return [...document.getElementById('open').children].filter((i) => i.checkVisibility()).length"
        self.assertEqual(browser.js(seen), 300)
        self.assertEqual(self.world.ask("PUT", "/events", [{"type": "compute.host.up", "details": {
            "hostname": "compute-308", "monitor": "m", "status": "up"}}])[0], 200)
        wait_text("#open-more", "^And 7 more")
        self.assertEqual(browser.js(seen), 300)
        self.assert_not_loaded_anew()


class TroubleTest(Case):
    options = {"hosts": 3, "settings": "refresh: 1s\nbrake: {share: 100%}\n"}

    def test_the_cloud_is_away(self):
        self.world.fail(fault="status", status=503, service="compute")
        wait_text("#alarm-list", "✕ It cannot act: ")
        wait_text("#facts", "Status.*degraded")
        self.world.mend()
        wait("no alarm", lambda: browser.js("return document.getElementById('alarms').hidden"))
        self.assert_not_loaded_anew()

    def test_the_disk_is_full(self):
        self.world.limit_files(1)
        self.assertEqual(self.world.post("compute-1", timeout=0.5), 0)  # not acknowledged
        wait_text("#alarm-list", "✕ It cannot act: the journal cannot be written")
        wait_text("#facts", "cannot be written")
        self.world.limit_files(None)
        wait("no alarm", lambda: browser.js("return document.getElementById('alarms').hidden"))
        wait_state("compute-1", "down")
        self.assert_not_loaded_anew()


class TokenTest(Case):
    options = {"hosts": 2, "tokens": "reader r a-reader-of-16-or-more\nmonitor m a-monitor-of-16-or-more\n"}

    def shown(self):
        wait_text("#access-why", "a token is needed")

    def test_a_token_is_typed(self):
        self.expected = ["status of 401", "status of 403"]
        self.assertEqual(browser.js("return document.activeElement.id"), "token")
        for token, why in (("a-wrong-token-of-16", "nobody's"), ("a-monitor-of-16-or-more", "needs the role reader")):
            browser.js("document.getElementById('token').focus()")
            browser.keys(token, Keys.ENTER)
            wait_text("#access-why", why)
            self.assertEqual(text_of("#zones"), "")
        browser.js("document.getElementById('token').focus()")
        browser.keys("a-reader-of-16-or-more", Keys.ENTER)
        wait_state("compute-1", "up")
        self.assertTrue(browser.js("return document.getElementById('access').hidden"))
        self.assertEqual(browser.js("return [localStorage.length, document.cookie, location.href]"), [0, "", self.world.url + "/"])
        browser.driver.refresh()  # it is kept in the tab
        wait_state("compute-2", "up")
        # one that is withdrawn lasts until the tokens are read again
        self.world.write_tokens(self.options["tokens"].replace("a-reader", "another-reader"))
        self.world.reload()
        wait_text("#access-why", "nobody's")
        wait_text("#alarm-list", "Not connected")


class TlsTest(Case):
    """As it is reached from elsewhere."""
    options = dict(TokenTest.options, tls=True)

    def shown(self):
        wait_text("#access-why", "a token is needed")

    def test_the_stream_comes_by_tls(self):
        self.expected = ["status of 401"]
        browser.keys("a-reader-of-16-or-more", Keys.ENTER)
        wait_state("compute-1", "up")
        self.world.down("compute-1", token="a-monitor-of-16-or-more")
        wait_state("compute-1", "down")
        open_incident("compute-1", "marked")
        self.assert_not_loaded_anew()


class CertificateTest(Case):
    """As it is reached from elsewhere by somebody who has a certificate."""
    options = {"hosts": 2, "tls": True, "client": "alice"}

    def setUp(self):
        global browser
        self.others = browser
        browser = Browser(home=self.world.browser_home())
        super().setUp()

    def tearDown(self):
        global browser
        try:
            super().tearDown()
        finally:
            browser.close()
            browser = self.others

    def test_no_token_is_asked_for(self):
        wait_state("compute-1", "up")
        self.assertTrue(browser.js("return document.getElementById('access').hidden"))
        self.world.down("compute-1")
        wait_state("compute-1", "down")
        open_incident("compute-1", "marked")
        browser.js("document.querySelector('[data-name=compute-2] .cell').click()")
        wait_text("#host-body", "doctorctl why compute-2")
        self.assert_not_loaded_anew()
        # who has none sees nothing
        self.others.driver.get(self.world.url + "/")
        why = "return document.getElementById('access-why').textContent"
        wait("a refusal", lambda: "a certificate is needed" in self.others.js(why))
        self.assertEqual(self.others.js("return document.getElementById('zones').textContent"), "")
        self.others.driver.get("about:blank")
        self.assertTrue(all("status of 401" in c for c in self.others.complaints()))


class BigTest(Case):
    options = {"hosts": 1000, "servers": 1, "settings": "refresh: 1h\nbrake: {share: 100%}\n",
               "zones": {f"zone-{z}": [f"compute-{z * 100 + n}" for n in range(1, 101)] for z in range(10)}}

    def test_a_thousand_hosts(self):
        wait_text("#summary", "^● All 1000 hosts are up$")
        self.assertEqual(browser.js("return document.querySelectorAll('.cell').length"), 1000)
        self.assertEqual(browser.js("return document.querySelectorAll('#zones > div').length"), 10)
        drawn = browser.js("const t = performance.now(); on.hosts({ hosts: [...known.hosts.values()].map((h) => h.told) }); showZones(); return performance.now() - t")
        self.assertLess(drawn, 1000, "milliseconds to go over all of them")
        browser.js("""window.touched = new Set();
            new MutationObserver((all) => all.forEach((m) => { const i = m.target.closest && m.target.closest('[data-name]'); if (i) touched.add(i.dataset.name);
                for (const n of [...m.addedNodes, ...m.removedNodes]) if (n.dataset && n.dataset.name) touched.add(n.dataset.name); }))
                .observe(document.getElementById('zones'), { subtree: true, childList: true, attributes: true, characterData: true })""")
        self.world.down("compute-777")
        wait_state("compute-777", "down")
        wait_text("#summary", "1 down")
        self.assertEqual(browser.js("return [...touched]"), ["compute-777"], "others are left alone")
        browser.size(360, 740, mobile=True)
        self.assertLessEqual(browser.js("return document.documentElement.scrollWidth"), 360)


def picture(path):
    """The page with a bit of everything, as the README shows it."""
    world = World(hosts=16, servers=3, settings="refresh: 1h\nbrake: {hosts: 2, share: 0%}\n",
                  zones={"east": [f"compute-{n}" for n in range(1, 9)], "west": [f"compute-{n}" for n in range(9, 17)]})
    try:
        browser.size(800, 1190)
        browser.cdp("Emulation.setScrollbarsHidden", hidden=True)
        browser.driver.get(world.url + "/")
        wait_text("#link", "live")
        world.maintain("compute-7", "new memory")
        for host in ("compute-4", "compute-14"):
            world.down(host)
            wait_state(host, "down")
        world.down("compute-15")
        wait_state("compute-15", "held")
        time.sleep(1.5)  # what has changed is shown to have, for a moment
        open_incident("compute-14", "marked")
        time.sleep(0.5)
        browser.driver.save_screenshot(path)
    finally:
        world.close()


class Result(unittest.TestResult):
    """cmocka's words."""

    def __init__(self):
        super().__init__()
        self.passed = []

    def name(self, test):
        return test.id().removeprefix("__main__.").replace(".", "/") if hasattr(test, "id") else str(test)

    def startTest(self, test):
        super().startTest(test)
        print(f"[ RUN      ] {self.name(test)}", flush=True)

    def addSuccess(self, test):
        self.passed.append(test)
        print(f"[       OK ] {self.name(test)}", flush=True)

    def fail(self, test, error):
        print(self._exc_info_to_string(error, test))
        if hasattr(test, "world"):
            print(test.world.log())
        print(f"[  FAILED  ] {self.name(test)}", flush=True)

    def addError(self, test, err):
        super().addError(test, err)
        self.fail(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail(test, err)

    def close(self):
        bad = self.errors + self.failures
        print(f"[  PASSED  ] {len(self.passed)} test(s).")
        if bad:
            print(f"[  FAILED  ] {len(bad)} test(s), listed below:")
            for test, _ in bad:
                print(f"[  FAILED  ] {self.name(test)}")
        return 1 if bad or not self.passed else 0


def main():
    global browser
    if Browser is None or not os.path.exists("/usr/bin/chromedriver"):
        print("skipped: no chromium (Debian packages chromium, chromium-driver, python3-selenium)")
        print("[  SKIPPED ] 1 test(s), listed below:")
        return 0
    browser = Browser()
    try:
        if os.environ.get("DOCTOR_PAGE_PICTURE"):
            picture(os.environ["DOCTOR_PAGE_PICTURE"])
            return 0
        loader = unittest.defaultTestLoader
        here = sys.modules["__main__"]
        tests = loader.loadTestsFromNames(sys.argv[1:], here) if sys.argv[1:] else loader.loadTestsFromModule(here)
        result = Result()
        tests.run(result)
        return result.close()
    finally:
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
