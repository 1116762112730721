#!/usr/bin/env python3
# Makes the web site: files that need neither a server nor, for reading, JavaScript.
#
#     tools/docs/website.py SOURCE MAN INTO
#
# SOURCE is the project, MAN the folder that manual.py wrote. A page has the path of its source:
# docs/tls.md becomes docs/tls.html, examples/x.c examples/x.c.html; manual pages are in reference/.
# A link to a file that does not exist is an error.
import html
import json
import os
import re
import shutil
import subprocess
import sys

from render import NAME, Renderer, anchor, link, plain

HERE = os.path.dirname(os.path.abspath(__file__))

# The sections of the site, in order, and the sources of their pages: the first that fits counts.
SECTIONS = [
    ('Tutorial', r'docs/tutorial(/.*)?\.md'),
    ('Porting', r'docs/from-asyncio\.md|docs/porting/.*\.md'),
    ('Cookbook', r'docs/cookbook(/.*)?\.md'),
    ('Project', r'docs/(semantics|abi)\.md|[A-Z_]+\.md'),
    ('Guides', r'docs/.*\.md'),
    ('Examples', r'examples/.*'),
    ('Project', r'.*'),
]
ON_TOP = ['Tutorial', 'Guides', 'Cookbook', 'Porting', 'Reference']
ON_FRONT = ['Tutorial', 'Guides', 'Cookbook', 'Porting', 'Reference', 'Examples', 'Project']


class Page:
    """about: one line for lists. A guide is listed in its section's navigation."""

    def __init__(self, path, title, body, section, about='', guide=False):
        self.path, self.title, self.body, self.section = path, title, body, section
        self.about, self.guide = about, guide


def section_of(source):
    return next(title for title, pattern in SECTIONS if re.fullmatch(pattern, source))


# A copy without a repository of its own may lie in another one, which knows nothing of its files.
def files_of(source):
    listed = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], cwd=source,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding='utf-8')
    own = os.path.exists(os.path.join(source, '.git')) and listed.returncode == 0
    files = listed.stdout.split('\n') if own else [
        os.path.relpath(os.path.join(folder, f), source)
        for folder, _, names in os.walk(source) for f in names]
    return {f for f in files if f and os.path.exists(os.path.join(source, f))}


class Site:
    def __init__(self, source, man):
        with open(man + '/names.json', encoding='utf-8') as f:
            self.names = json.load(f)
        self.man, self.source, self.files = man, source, files_of(source)
        self.render = Renderer(source, self.names, self.files)
        self.pages, self.uses = [], {}

    # A program, as a page with links; the reference lists the programs that use a name.
    def program(self, source):
        page, text = source + '.html', self.render.read(source)
        comment = re.match(r'/\*\s*(.*?)\*/', text, re.S)
        about = re.sub(r'^ \* ?', '', comment[1], flags=re.M) if comment else ''
        about = re.match(r'.*?(?=[.:]\s|$)', ' '.join(about.split()))[0]
        for to in {self.render.reference.get(name) for name in re.findall(NAME, text)}:
            self.uses.setdefault(to, []).append((len(text), source))
        code = self.render.code(page, text, 'cpp' if source.endswith('pp') else 'c')
        section = 'Reference' if source.startswith('include/') else 'Examples'
        self.pages.append(Page(page, source, '<h1>%s</h1>\n%s' % (source, code), section, about))

    def guide(self, source):
        body = self.render.guide(source)
        title = plain(re.search(r'<h1[^>]*>(.*?)</h1>', body, re.S)[1])
        self.pages.append(Page(self.render.page_of(source), title, body, section_of(source),
                               guide=True))

    def manual(self, file):
        name = os.path.basename(file)
        page, entry = 'reference/%s.html' % name, [n for n in self.names if n['page'] == name]
        body = self.render.manual(file, page)
        title = entry[0]['name'] if entry else name[:-2]
        about = entry[0]['about'] if entry else plain(body[:body.index('<h2')]).split(' - ')[-1]
        used = ['<li>%s</li>' % anchor(page, e + '.html', e)
                for _, e in sorted(self.uses.get(page, []))[:5]]
        if used:
            body += '<h2 id="examples">Examples</h2>\n<ul>%s</ul>' % ''.join(used)
        body = '<h1>%s</h1>\n%s' % (title.replace('_', '_<wbr>'), body)
        self.pages.append(Page(page, title, body, 'Reference', about))

    def listing(self, page, entries):
        return '<ul class="index">\n%s\n</ul>' % '\n'.join(
            '<li>%s%s</li>' % (anchor(page, to, html.escape(title)),
                               ' <span>%s</span>' % html.escape(about) * bool(about))
            for to, title, about in entries)

    # The reference's own index, all its names, and all examples.
    def indexes(self):
        page, reference = 'reference/index.html', self.render.reference
        entries = [(reference[n['name']], n['name'], n['about']) for n in self.names]
        headers = [e for e in entries if e[1].endswith('.h')]
        tools = [(p.path, p.title, p.about) for p in self.pages if p.path.endswith('.1.html')]
        headers += [(p.path, p.title.split('/', 1)[1], p.about) for p in self.pages
                    if p.path.startswith('include/')]
        body = ('<h1>Reference</h1>\n<p>One page for each call, from the comments in the headers. '
                'The same pages are manual pages: <code>man eddy_gather</code>. %s on one page.</p>'
                '\n<h2 id="headers">Headers</h2>\n%s\n<h2 id="programs">Programs</h2>\n%s')
        self.pages.append(Page(page, 'Reference', body % (
            anchor(page, 'reference/names.html', 'All names'), self.listing(page, headers),
            self.listing(page, tools)), 'Reference'))
        page = 'reference/names.html'
        names = sorted((e for e in entries if e not in headers), key=lambda e: e[1].lower())
        self.pages.append(Page(page, 'All names', '<h1>All names</h1>\n' + self.listing(
            page, names), 'Reference'))
        page = 'examples/index.html'
        programs = [(p.path, p.title, p.about) for p in self.pages if p.path.startswith('examples/')
                    and not p.guide]
        self.pages.append(Page(page, 'All example programs', '<h1>All example programs</h1>\n' +
                               self.listing(page, programs), 'Examples', guide=True))

    # The pages of a section, as navigation lists them.
    def contents(self, section):
        if section == 'Reference':
            headers = [n['name'] for n in self.names if n['name'].endswith('.h')]
            return [('reference/index.html', 'Reference'), ('reference/names.html', 'All names'),
                    *((self.render.reference[h], h) for h in headers)]
        return [(p.path, p.title) for p in sorted(
            (p for p in self.pages if p.section == section and p.guide),
            key=lambda p: (not p.path.endswith('README.html'), p.title.lower()))]

    def front(self):
        readme = next(p for p in self.pages if p.path == 'README.html').body
        body = [readme[:readme.index('</pre>') + len('</pre>')], '<div class="cards">']
        for title in ON_FRONT:
            entries = [(to, name, '') for to, name in self.contents(title)]
            body += ['<section><h2 id="%s">%s</h2>' % (title.lower(), title),
                     self.listing('index.html', entries), '</section>'] * bool(entries)
        body = '\n'.join(body + ['</div>'])
        self.pages.append(Page('index.html', 'eddy: asyncio for C', body, ''))
        with open(HERE + '/search.html', encoding='utf-8') as f:
            self.pages.append(Page('search.html', 'Search', f.read(), ''))

    # The entries that search.js looks through: title, address, section, text.
    def search_index(self):
        entries = [[n['name'], self.render.reference[n['name']], 'Reference', n['about']]
                   for n in self.names]
        for page in self.pages:
            if page.path.endswith('.1.html'):
                entries.append([page.title, page.path, 'Programs', page.about])
            parts = re.split(r'<h[123][^>]*id="([^"]*)"[^>]*>(.*?)</h[123]>', page.body, flags=re.S)
            for n in range(1, len(parts) if page.guide else 0, 3):
                title, where = plain(parts[n + 1]), page.path
                if n > 1:
                    title, where = page.title + ': ' + title, where + '#' + parts[n]
                entries.append([title, where, page.section, plain(parts[n + 2])])
        return 'const eddyIndex = %s;\n' % json.dumps(entries, ensure_ascii=False, indent=0)

    def frame(self, page, template):
        def item(to, title):
            here = ' aria-current="page"' * (to == page.path)
            return '<li><a href="%s"%s>%s</a></li>' % (link(page.path, to), here,
                                                       html.escape(title))

        top = [(t, self.contents(t)) for t in ON_TOP]
        top = [(c[0][0] if len(c) == 1 or t == 'Reference' else 'index.html#' + t.lower(), t)
               for t, c in top if c]
        heads = re.findall(r'<h2[^>]*id="([^"]*)"[^>]*>(.*?)</h2>', page.body, re.S)
        heads = heads if page.guide and len(heads) > 2 else []
        side = self.contents(page.section)
        parts = {
            'title': page.title + ' - eddy' * (page.path != 'index.html'), 'body': page.body,
            'root': link(page.path, '.') + '/', 'section': page.section,
            'top': '\n'.join(item(*t) for t in top), 'side': '\n'.join(item(*s) for s in side),
            'toc': '\n'.join('<li><a href="#%s">%s</a></li>' % (i, html.escape(plain(t)))
                             for i, t in heads)}
        template = re.sub(r'\{\{(\w+)\?(.*?)\}\}', lambda m: m[2] if parts[m[1]] else '', template,
                          flags=re.S)
        return re.sub(r'\{(\w+)\}', lambda m: parts[m[1]], template)

    def write(self, into):
        with open(HERE + '/page.html', encoding='utf-8') as f:
            template = f.read()
        written = {page.path: self.frame(page, template) for page in self.pages}
        written['search-index.js'] = self.search_index()
        for path, text in written.items():
            os.makedirs(os.path.dirname(os.path.join(into, path)), exist_ok=True)
            with open(os.path.join(into, path), 'w', encoding='utf-8') as f:
                f.write(text)
        for file in ('style.css', 'search.js'):
            shutil.copy(os.path.join(HERE, file), into)
        for image in self.render.images:
            shutil.copy(os.path.join(self.source, image), os.path.join(into, image))


def main(source, man, into):
    site = Site(os.path.abspath(source), man)
    for path in sorted(site.render.programs):
        site.program(path)
    for path in sorted(site.render.guides):
        site.guide(path)
    tools = [os.path.join(site.source, f) for f in site.files if re.fullmatch(r'tools/.*\.1', f)]
    manuals = [os.path.join(man, s, f) for s in ('man3', 'man7') for f in os.listdir(man + '/' + s)
               if not f.startswith('eddy-')]
    for path in sorted(tools) + sorted(f for f in manuals if not os.path.islink(f)):
        site.manual(path)
    site.indexes()
    site.front()
    if site.render.broken:
        sys.exit('site: links that lead nowhere: ' + ', '.join(site.render.broken))
    shutil.rmtree(into, ignore_errors=True)
    site.write(into)


main(*sys.argv[1:])
