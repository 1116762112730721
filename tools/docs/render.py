# Renders the sources of the site's pages: guides with lowdown, manual pages with mandoc, programs
# with Pygments. Public names in code are links to the reference, names of files to their pages.
import html
import os
import re
import subprocess

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

import concepts

NAME = r'\b(?:eddy|EDDY)_\w+\b'
INLINE = r'</?(?:a|b|code|em|i|span|strong|var)\b[^>]*>'


# The text of a piece of HTML.
def plain(markup):
    return ' '.join(html.unescape(re.sub(r'<[^>]*>', ' ', re.sub(INLINE, '', markup))).split())


def run(*command, text=None):
    return subprocess.run(command, input=text, encoding='utf-8', stdout=subprocess.PIPE,
                          check=True).stdout


# A link from one page of the site to another.
def link(page, to):
    return os.path.relpath(to, os.path.dirname(page) or '.')


def anchor(page, to, markup):
    return '<a href="%s">%s</a>' % (link(page, to), markup) if to and to != page else markup


class Renderer:
    """reference: the page of each public name; calls: those that are functions, or like them."""

    def __init__(self, source, names, files):
        self.source, self.files, self.broken, self.images = source, files, [], set()
        self.reference = {n['name']: 'reference/%s.html' % n['page'] for n in names}
        self.manuals = {n['page']: 'reference/%s.html' % n['page'] for n in names}
        self.calls = {n['name'] for n in names if n.get('call')}
        self.guides = {f for f in files if re.fullmatch(
            r'[^/]*\.md|(docs|examples|bench|tools)/.*\.md', f)}
        self.programs = {f for f in files if re.fullmatch(
            r'examples/.*\.(c|h|cpp|hpp)|include/.*\.hpp', f)}
        for guide in (g for g in self.guides if re.match(r'docs/(guides/)?[^/]*$', g)):
            self.manuals['eddy-%s.7' % concepts.stem(guide)] = guide[:-len('.md')] + '.html'

    def read(self, path):
        with open(os.path.join(self.source, path), encoding='utf-8') as f:
            return f.read()

    # The page for a path in the project; None: it has none.
    def page_of(self, path):
        header = re.fullmatch(r'include/(.*\.h)', path)
        if header:
            return self.reference.get(header[1])
        if path in self.guides:
            return path[:-len('.md')] + '.html'
        if path in self.programs:
            return path + '.html'
        if path + '/README.md' in self.guides:
            return path + '/README.html'
        return 'examples/index.html' if re.match(r'examples(/|$)', path) else None

    def names(self, page, markup):
        return re.sub(r'(<[^>]*>)|(%s)' % NAME, lambda m: m[1] or anchor(
            page, self.reference.get(m[2]), m[2]), markup)

    # Links the names in code elements that are not within a link.
    def names_in_code(self, page, markup):
        def code(m):
            path = html.unescape(m[3]).rstrip('/')
            known = path in self.files or os.path.isdir(os.path.join(self.source, path))
            to = self.page_of(path) if known and '/' in path else None
            return anchor(page, to, m[0]) if to else m[1] + self.names(page, m[3]) + m[4]

        parts = re.split(r'(<a\b.*?</a>|<pre\b.*?</pre>)', markup, flags=re.S)
        for n in range(0, len(parts), 2):
            parts[n] = re.sub(r'(<(code|var)\b[^>]*>)(.*?)(</\2>)', code, parts[n], flags=re.S)
        return ''.join(parts)

    def code(self, page, text, language):
        try:
            lexer = get_lexer_by_name(language or 'text', stripnl=False)
        except ClassNotFound:
            lexer = get_lexer_by_name('text', stripnl=False)
        shown = highlight(text, lexer, HtmlFormatter(nowrap=True)).rstrip('\n')
        shown = self.names(page, shown) if language in ('c', 'cpp', 'c++') else shown
        return '<pre tabindex="0"><code>%s</code></pre>' % shown

    # A link in a guide. What has no page in the site stays as text.
    def guide_link(self, source, page, m):
        to, _, fragment = html.unescape(m[1]).partition('#')
        if re.match(r'[a-z]+:', to):
            return '<a href="%s">%s</a>' % (m[1], m[2])
        path = os.path.normpath(os.path.join(os.path.dirname(source), to))
        found = self.page_of(path) if to else page
        if not found and path not in self.files and not os.path.isdir(
                os.path.join(self.source, path)):
            self.broken.append('%s: %s' % (source, to))
        if not found:
            return m[2]
        return '<a href="%s%s">%s</a>' % (link(page, found) if to else '',
                                          '#' * bool(fragment) + fragment, m[2])

    def guide(self, source):
        page = self.page_of(source)
        body = run('lowdown', '-Thtml', *concepts.PARSE, text=self.read(source))
        body = re.sub(r'<a href="([^"]*)"[^>]*>(.*?)</a>',
                      lambda m: self.guide_link(source, page, m), body, flags=re.S)
        body = re.sub(r'<pre><code(?: class="language-([^"]*)")?>(.*?)</code></pre>',
                      lambda m: self.code(page, html.unescape(m[2]), (m[1] or '').split(' ')[0]),
                      body, flags=re.S)
        body = re.sub(r'<table.*?</table>', r'<div class="table" tabindex="0">\g<0></div>', body,
                      flags=re.S)
        for image in re.findall(r'<img src="([^":]*)"', body):
            self.images.add(os.path.normpath(os.path.join(os.path.dirname(source), image)))
        return self.names_in_code(page, body)

    # A cross reference; a manual that is not eddy's stays as text.
    def cross_reference(self, page, m):
        name, to = m[1][:-2], self.manuals.get(m[1])
        if m[1].endswith('.3') and name in self.reference:
            return anchor(page, self.reference[name], name + '()' * (name in self.calls))
        return anchor(page, to, re.sub(r'^eddy_(\w+)\.h\(7\)$', r'eddy/\1.h', m[2]) if to else m[2])

    def manual(self, file, page):
        body = run('mandoc', '-Thtml', '-O', 'fragment,man=%N.%S', file)
        body = re.sub(r'<table class="(?:head|foot)">.*?</table>', '', body, flags=re.S)
        body = re.sub(r'<a class="(?:permalink|In)"[^>]*>(.*?)</a>', r'\1', body, flags=re.S)
        body = re.sub(r'<h1[^>]*id="NAME">.*?</h1>', '', body, flags=re.S)
        body = re.sub(r'<(/?)h2\b', r'<\1h3', body)
        body = re.sub(r'<(/?)h1\b', r'<\1h2', body)
        body = re.sub(r'(<h2[^>]*>)(.*?)</h2>', lambda m: m[1] + plain(m[2]).capitalize() + '</h2>',
                      body, flags=re.S)
        body = re.sub(r'<pre>(.*?)</pre>', lambda m: self.code(
            page, html.unescape(re.sub(r'<[^>]*>', '', m[1])), 'c'), body, flags=re.S)
        body = re.sub(r'<a class="Xr" href="([^"]*)">(.*?)</a>',
                      lambda m: self.cross_reference(page, m), body, flags=re.S)
        return self.names_in_code(page, body)
