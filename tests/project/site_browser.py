#!/usr/bin/env python3
# Looks at the pages of the web site in Chromium, and prints one line for each rule:
#
#     tests/project/site_browser.py SITE
import os
import sys
from urllib.parse import quote

from browser import Browser

# Texts whose contrast with their background is less than WCAG's 4.5, or 3 if they are large.
CONTRAST = '''(() => {
    const parse = color => color.match(/[\\d.]+/g).map(Number);
    const light = color => {
        const [r, g, b] = color.slice(0, 3).map(c => c / 255)
            .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const background = element => {
        for (; element; element = element.parentElement) {
            const color = parse(getComputedStyle(element).backgroundColor);
            if (color.length === 3 || color[3] > 0)
                return color;
        }
        return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
    };
    const weak = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let texts = 0;
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement, style = getComputedStyle(element);
        if (!walker.currentNode.data.trim() || !element.getClientRects().length)
            continue;
        const a = light(parse(style.color)), b = light(background(element));
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        const size = parseFloat(style.fontSize), bold = style.fontWeight >= 700;
        texts++;
        if (ratio < (size >= 24 || (bold && size >= 18.66) ? 3 : 4.5))
            weak.push(walker.currentNode.data.trim().slice(0, 30) + " " + ratio.toFixed(2));
    }
    return texts > 5 ? weak.slice(0, 3) : ["only " + texts + " texts"];
})()'''
WIDTH = 'document.documentElement.scrollWidth'
RESULTS = '[...document.querySelectorAll("#results a")].map(a => [a.textContent, a.href])'


class Look:
    def __init__(self, site):
        self.site, self.failed, self.browser = os.path.abspath(site), False, Browser()
        self.pages = sorted(os.path.relpath(os.path.join(folder, f), self.site)
                            for folder, _, files in os.walk(self.site) for f in files
                            if f.endswith('.html'))
        # A page of each kind, for what takes long.
        self.kinds = ['index.html', 'search.html?q=timeout', 'reference/index.html',
                      'reference/names.html', 'reference/eddy_open_connection.3.html',
                      'reference/eddy_server_options.3.html', 'reference/eddy_stream.h.7.html',
                      'reference/eddy.1.html', 'examples/index.html']
        self.kinds += [p for p in self.pages if p.startswith('docs/')]
        self.kinds += [p for p in self.pages if p.endswith('.c.html')][:3]

    def open(self, page):
        path, _, query = page.partition('?')
        query = '?' * bool(query) + query
        self.browser.open('file://' + quote(os.path.join(self.site, path)) + query)

    def rule(self, name, broken):
        print('not ok %s - %s' % (name, broken[0]) if broken else 'ok ' + name, flush=True)
        for line in broken:
            print('# ' + line)
        self.failed = self.failed or bool(broken)

    def errors(self, page):
        found, self.browser.errors = ['%s: %s' % (page, e) for e in self.browser.errors], []
        return found

    def phone(self):
        self.browser.resize(360, 740)
        wide, errors = [], []
        for page in self.pages:
            self.open(page)
            width = self.browser.evaluate(WIDTH)
            wide += ['%s is %d pixels wide' % (page, width)] if width > 360 else []
            errors += self.errors(page)
        self.rule('at 360 pixels no page scrolls sideways', wide)
        self.rule('no page has an error on the console, or loads anything from elsewhere', errors)

    def contrast(self):
        self.browser.resize(1280, 900)
        weak = []
        for scheme in ('light', 'dark'):
            self.browser.scheme(scheme)
            for page in self.kinds:
                self.open(page)
                weak += ['%s, %s: %s' % (page, scheme, text)
                         for text in self.browser.evaluate(CONTRAST)]
        self.rule('texts have enough contrast, in light and dark', weak)

    # The first heading of each column of the front page is as high as that of its neighbour.
    def columns(self):
        self.browser.resize(1280, 900)
        self.open('index.html')
        first, top = self.browser.evaluate(
            '[".cards h2", ".cards"].map('
            'name => document.querySelector(name).getBoundingClientRect().top)')
        self.rule('the columns of the front page begin level',
                  ['the first heading is %d pixels down' % (first - top)] * (first - top > 1))

    # The measurements notice mistakes: a grey that is too weak, a box that is too wide, a file that
    # is not there.
    def mistakes_are_noticed(self):
        self.browser.scheme('light')
        self.browser.resize(360, 740)
        self.open('index.html')
        self.browser.evaluate('document.querySelector("main p").style.color = "#999"')
        self.browser.evaluate('document.querySelector("main ul").style.width = "400px"')
        self.browser.evaluate('new Promise(done => { const image = new Image();'
                              'image.onerror = done; image.src = "absent.png"; })')
        self.rule('mistakes on a page are noticed',
                  ['#999 on white passed'] * (not self.browser.evaluate(CONTRAST)) +
                  ['a box of 400 pixels passed'] * (self.browser.evaluate(WIDTH) <= 360) +
                  ['a missing file passed'] * (not self.errors('index.html')))

    def search(self):
        self.open('index.html')
        self.browser.evaluate('document.querySelector("input[name=q]").focus()')
        self.browser.call('Input.insertText', text='readuntil')
        self.browser.press_enter()
        found = self.browser.evaluate(RESULTS)
        first = found[0][0] if found else 'nothing'
        self.rule('searching readuntil finds eddy_reader_readuntil first',
                  [] if first == 'eddy_reader_readuntil' else ['found ' + first])
        missing = []
        for words, name in (('asyncio.gather', 'eddy_gather'), ('StreamReader.readline',
                            'eddy_reader_readline'), ('eddy_await', 'eddy_await'),
                            ('EDDY_ETHREAD', 'EDDY_ETHREAD'), ('eddy/tls.h', 'eddy/tls.h')):
            self.open('search.html?q=' + quote(words, safe=''))
            titles = [title for title, _ in self.browser.evaluate(RESULTS)]
            missing += ['%s: %s' % (words, titles[:3])] if titles[:1] != [name] else []
        self.rule('searching names, also those of asyncio, finds them first', missing)
        self.open('search.html?q=' + quote('<img src=x onerror=alert(1)> (['))
        self.rule('what is searched for is text', self.errors('search'))

    def without_script(self):
        self.browser.call('Emulation.setScriptExecutionDisabled', value=True)
        self.open('search.html?q=readuntil')
        # Evaluating is not a script of the page.
        offered = self.browser.evaluate('document.querySelector("main a").href')
        broken = [] if offered.endswith('reference/names.html') else ['search offers %s' % offered]
        self.open('reference/names.html')
        if not self.browser.evaluate(
                '[...document.querySelectorAll("main a")].some(a => a.textContent === '
                '"eddy_reader_readuntil" && a.getClientRects().length)'):
            broken.append('all names: there is no eddy_reader_readuntil')
        self.open('index.html')
        if not self.browser.evaluate('document.querySelector("main h2").getClientRects().length'):
            broken.append('the front page shows nothing')
        self.browser.call('Emulation.setScriptExecutionDisabled', value=False)
        self.rule('without JavaScript all names are listed', broken)


look = Look(sys.argv[1])
try:
    look.search()
    look.without_script()
    look.contrast()
    look.columns()
    look.mistakes_are_noticed()
    look.phone()
finally:
    look.browser.close()
sys.exit(look.failed)
