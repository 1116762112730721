#!/usr/bin/env python3
# Prints what is wrong with the links of a web site in a folder: a link that leads nowhere, also
# within a page; a file from elsewhere, which a page would load; an id that a page has twice; a page
# that three clicks from the front page do not reach.
#
#     tests/project/site_links.py SITE
import os
import sys
from html.parser import HTMLParser
from urllib.parse import unquote


class Document(HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.links, self.loads, self.ids, self.twice = [], [], set(), []
        with open(path, encoding='utf-8') as f:
            self.feed(f.read())

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == 'id':
                self.twice += [value] if value in self.ids else []
                self.ids.add(value)
            elif name == 'href' and tag == 'a':
                self.links.append(value)
            elif name in ('href', 'src', 'srcset', 'poster'):
                self.loads.append(value)


def main(site):
    documents = {}
    for folder, _, files in os.walk(site):
        for file in files:
            path = os.path.relpath(os.path.join(folder, file), site)
            if path.endswith('.html'):
                documents[path] = Document(os.path.join(site, path))

    def target(page, link):
        path, _, fragment = link.partition('#')
        path = os.path.join(os.path.dirname(page), unquote(path)) if path else page
        return os.path.normpath(path), unquote(fragment)

    wrong, leads = [], {}
    for page, document in documents.items():
        wrong += ['%s: the id %s stands there twice' % (page, i) for i in document.twice]
        for link in document.loads:
            if not link.startswith('data:') and not os.path.exists(
                    os.path.join(site, target(page, link)[0])):
                wrong.append('%s loads %s' % (page, link))
        leads[page] = set()
        for link in document.links:
            if link.startswith(('http://', 'https://', 'mailto:')):
                continue
            path, fragment = target(page, link)
            leads[page].add(path)
            if path not in documents:
                wrong.append('%s: %s leads nowhere' % (page, link))
            elif fragment and fragment not in documents[path].ids:
                wrong.append('%s: there is no %s' % (page, link))

    reached, edge = {'index.html'}, {'index.html'}
    for _ in range(3):
        edge = {to for page in edge for to in leads.get(page, ())} - reached
        reached |= edge
    wrong += ['%s is more than three clicks away' % page for page in documents
              if page not in reached and page != 'search.html']
    print('\n'.join(sorted(wrong)), end='\n' * bool(wrong))
    if len(documents) < 100:
        print('there are only %d pages' % len(documents))


main(*sys.argv[1:])
