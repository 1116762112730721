# Drives Chromium without a window through its debugging pipe (Chrome DevTools Protocol): a message
# is JSON, ended by a null byte.
import base64
import json
import os
import shutil
import subprocess
import tempfile

FLAGS = ['--headless=new', '--remote-debugging-pipe', '--no-sandbox', '--disable-gpu',
         '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking',
         '--disable-component-update', '--disable-sync', '--hide-scrollbars', 'about:blank']


class Browser:
    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix='eddy-chromium-')
        to_child, self.write_end = os.pipe()
        self.read_end, from_child = os.pipe()
        shell = 'exec 3<&%d 4>&%d; exec chromium "$@" >/dev/null 2>&1' % (to_child, from_child)
        self.process = subprocess.Popen(
            ['sh', '-c', shell, 'sh', '--user-data-dir=' + self.profile, *FLAGS],
            pass_fds=(to_child, from_child), env={**os.environ, 'HOME': self.profile})
        os.close(to_child)
        os.close(from_child)
        self.last, self.bytes, self.errors, self.session, self.loaded = 0, b'', [], None, 0
        targets = self.call('Target.getTargets')['targetInfos']
        page = next(t['targetId'] for t in targets if t['type'] == 'page')
        self.session = self.call('Target.attachToTarget', targetId=page, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network'):
            self.call(domain + '.enable')

    def close(self):
        try:
            self.session = None
            self.call('Browser.close')
        except EOFError:
            pass
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def receive(self):
        while b'\0' not in self.bytes:
            more = os.read(self.read_end, 1 << 20)
            if not more:
                raise EOFError('chromium has ended')
            self.bytes += more
        message, self.bytes = self.bytes.split(b'\0', 1)
        return json.loads(message)

    # Errors that a page causes: messages of the console, exceptions, files that are not there.
    def note(self, method, params):
        if method == 'Runtime.exceptionThrown':
            self.errors.append(params['exceptionDetails']['text'])
        elif method == 'Runtime.consoleAPICalled' and params['type'] in ('error', 'warning'):
            self.errors.append('console: %s' % [a.get('value') for a in params['args']])
        elif method == 'Log.entryAdded' and params['entry']['level'] in ('error', 'warning'):
            self.errors.append('%s %s' % (params['entry']['text'], params['entry'].get('url', '')))
        elif method == 'Network.requestWillBeSent':
            url = params['request']['url']
            if not url.startswith(('file:', 'data:', 'about:')):
                self.errors.append('a request to ' + url)
        elif method == 'Page.loadEventFired':
            self.loaded += 1

    def call(self, method, **params):
        self.last += 1
        message = {'id': self.last, 'method': method, 'params': params}
        if self.session:
            message['sessionId'] = self.session
        os.write(self.write_end, json.dumps(message).encode() + b'\0')
        while True:
            answer = self.receive()
            if answer.get('id') == self.last:
                if 'error' in answer:
                    raise RuntimeError('%s: %s' % (method, answer['error']['message']))
                return answer['result']
            self.note(answer.get('method'), answer.get('params', {}))

    def wait_for_page(self, before):
        while self.loaded == before:
            message = self.receive()
            self.note(message.get('method'), message.get('params', {}))

    # Goes to an address, and returns when its page has been loaded.
    def open(self, url):
        before = self.loaded
        self.call('Page.navigate', url=url)
        self.wait_for_page(before)

    # Presses Enter in a form, and returns when the page that it leads to has been loaded.
    def press_enter(self):
        before = self.loaded
        for kind in ('keyDown', 'keyUp'):
            self.call('Input.dispatchKeyEvent', type=kind, key='Enter', code='Enter', text='\r',
                      windowsVirtualKeyCode=13)
        self.wait_for_page(before)

    def evaluate(self, expression):
        result = self.call('Runtime.evaluate', expression=expression, returnByValue=True,
                           awaitPromise=True)
        if 'exceptionDetails' in result:
            exception = result['exceptionDetails']['exception']
            raise RuntimeError(exception.get('description', expression))
        return result['result'].get('value')

    def resize(self, width, height):
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)

    def scheme(self, name):
        self.call('Emulation.setEmulatedMedia',
                  features=[{'name': 'prefers-color-scheme', 'value': name}])

    def screenshot(self, path):
        data = self.call('Page.captureScreenshot', format='png')['data']
        with open(path, 'wb') as f:
            f.write(base64.b64decode(data))
