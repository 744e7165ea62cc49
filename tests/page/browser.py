# SPDX-License-Identifier: Apache-2.0
"""Debian's Chromium without a screen, driven by Debian's selenium, and what a page can be asked by it."""
import json
import os

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains

# Colours as the style sheet comes to, and how far they are apart (WCAG 2).
COLOURS = r"""
const rgba = (c) => { const m = c.match(/[\d.]+/g).map(Number); return [m[0], m[1], m[2], m.length > 3 ? m[3] : 1]; };
const part = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
const light = (c) => 0.2126 * part(c[0]) + 0.7152 * part(c[1]) + 0.0722 * part(c[2]);
const ground = (e) => {
	for (; e; e = e.parentElement) {
		const c = rgba(getComputedStyle(e).backgroundColor);
		if (c[3] === 1) return c;
		if (c[3] !== 0) throw new Error('half transparent: ' + e.outerHTML.slice(0, 200));
	}
	throw new Error('no ground');
};
const apart = (fg, bg) => { const a = light(fg), b = light(bg); return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); };
const seen = (e) => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && !e.closest('.unseen, .skip');
const out = [];
"""

# Each text that is seen, with its contrast (1.4.3) and what is wanted.
CONTRAST = COLOURS + r"""
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let n; (n = walk.nextNode());) {
	const e = n.parentElement;
	if (!n.data.trim() || !seen(e)) continue;
	const style = getComputedStyle(e), size = parseFloat(style.fontSize);
	const fg = rgba(e.namespaceURI.endsWith('svg') ? style.fill : style.color);
	const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
	out.push([n.data.trim().slice(0, 40), apart(fg, ground(e)), large ? 3 : 4.5]);
}
return out;
"""

# What is no text and says something, with its contrast to what is around it (1.4.11): the edges of what can be used or
# has a mood, or its ground where it has none of its own; what time-lines are drawn with; the ring of what has the focus.
EDGES = COLOURS + r"""
const add = (e, kind, colour) => out.push([`${kind} ${e.className.baseVal ?? e.className} ${e.id} ${e.closest('[data-mood]')?.dataset.mood || ''}`.trim(), apart(rgba(colour), ground(e.parentElement))]);
for (const e of document.querySelectorAll('.cell, .alarm, #summary, .incidents > li, button, input[type=search], input[type=password], dialog[open]'))
	if (seen(e)) {
		const style = getComputedStyle(e);
		if (parseFloat(style.borderLeftWidth) < 1 || style.borderLeftStyle === 'none') throw new Error('no edge: ' + e.outerHTML.slice(0, 200));
		add(e, 'edge', style.borderLeftColor);
	}
for (const e of document.querySelectorAll('.timeline .span, .timeline .point'))
	if (seen(e)) add(e, 'drawn', getComputedStyle(e).fill);
for (const e of document.querySelectorAll('.cell, button, input, summary, .skip'))
	if (e.checkVisibility() && (e.tabIndex >= 0 || e.matches('.cell'))) {
		e.focus({ focusVisible: true });
		const style = getComputedStyle(e);
		if (document.activeElement !== e) continue;
		if (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2) throw new Error('no ring: ' + e.outerHTML.slice(0, 200));
		add(e, 'ring', style.outlineColor);
	}
return out;
"""


class Browser:
    def __init__(self, home=None):
        """home: where its certificates are; it shows one of them to whoever wants one, as a person would choose it."""
        options = Options()
        options.binary_location = "/usr/bin/chromium"
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                         "--no-first-run", "--disable-background-networking", "--window-size=1200,900"):
            options.add_argument(argument)
        options.accept_insecure_certs = True  # of an authority that is not the browser's
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        environment = dict(os.environ)
        if home:
            environment["HOME"] = home
            choice = json.dumps({"pattern": "https://127.0.0.1", "filter": {}})
            options.add_experimental_option("prefs", {"profile.managed_auto_select_certificate_for_urls": [choice]})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver", env=environment), options=options)
        self.driver.set_script_timeout(30)
        self.driver.set_page_load_timeout(60)

    def close(self):
        self.driver.quit()

    def cdp(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def js(self, body, *arguments):
        return self.driver.execute_script(body, *arguments)

    def complaints(self):
        """What the console has said since it was asked last."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def size(self, width, height, mobile=False):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def media(self, **features):
        self.cdp("Emulation.setEmulatedMedia",
                 features=[{"name": name.replace("_", "-"), "value": value} for name, value in features.items()])

    def keys(self, *keys):
        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def contrast(self):
        return self.js(CONTRAST)

    def edges(self):
        return self.js(EDGES)

    def accessible(self):
        """(role, name, properties) of each node that assistive technology is shown."""
        nodes = self.cdp("Accessibility.getFullAXTree")["nodes"]
        return [(n["role"]["value"], n.get("name", {}).get("value", ""),
                 {p["name"]: p["value"].get("value") for p in n.get("properties", [])})
                for n in nodes if not n["ignored"] and "role" in n]
