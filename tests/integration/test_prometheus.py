# SPDX-License-Identifier: LGPL-3.0-or-later
"""The metrics, as Prometheus and its tools see them; the alerts and the dashboard on them."""

import base64
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

from ivt.wait import wait_for

SOURCE = os.environ['IVT_SOURCE_DIR']
ALERTS = os.path.join(SOURCE, 'data', 'prometheus', 'alerts.yml')
ALERTS_TEST = os.path.join(SOURCE, 'tests', 'data', 'prometheus', 'alerts-test.yml')
DOCUMENT = os.path.join(SOURCE, 'docs', 'metrics.md')
DASHBOARD = os.path.join(SOURCE, 'data', 'grafana', 'ivshmemd.json')
OPENMETRICS = 'application/openmetrics-text'
# Bridges come later; their alert is there already.
LATER = re.compile(r'ivshmem_bridge_')
METRIC = re.compile(r'\b(?:ivshmem|process)_[a-z0-9_]+')


class Service:
    """A daemon that serves HTTP over TCP, and secrets for it."""

    def __init__(self, ivt, bus, **roles):
        self.secrets = {name: 'ivs_' + base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip('=') for name in roles}
        lines = [f'{name} sha256:{hashlib.sha256(self.secrets[name].encode()).hexdigest()} {role}\n'
                 for name, role in roles.items()]
        tokens = ivt.file('tokens', ''.join(lines))
        os.chmod(tokens, 0o600)
        self.daemon = ivt.daemon(bus, config='[daemon]\nlog-level=info\n[http]\nlisten=127.0.0.1:0\n'
                                             f'tokens={tokens}\n')
        self.url = wait_for(self.find_url, 10, 'the address in the log')
        self.address = urllib.parse.urlsplit(self.url).netloc

    def find_url(self):
        found = re.search(r'listening on (http://127\.0\.0\.1:[0-9]+)', self.daemon.log())
        return found and found.group(1)

    def get(self, name=None, accept=None, path='/metrics'):
        """(status, content type, text)"""
        request = urllib.request.Request(self.url + path)
        if name is not None:
            request.add_header('Authorization', f'Bearer {self.secrets[name]}')
        if accept is not None:
            request.add_header('Accept', accept)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers['Content-Type'], answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers['Content-Type'], error.read().decode()


def value_of(text, series):
    """The value of a series as it stands in the text, or None."""
    found = re.search(rf'^{re.escape(series)} (.*)$', text, re.M)
    return found and found.group(1)


def promtool(*arguments, data=None, cwd=None):
    result = subprocess.run(['promtool', *arguments], input=data, cwd=cwd, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f'{result.stdout}{result.stderr}'
    return result.stdout + result.stderr


@pytest.fixture(name='service')
def service_fixture(ivt, bus):
    return Service(ivt, bus, scraper='viewer', narrow='viewer dem*', writer='operator')


@pytest.fixture(name='demo')
def demo_fixture(ivt, bus, service):
    client = ivt.client(bus)
    client.attach('doorbell-server', 'other', size='1M')
    return client.attach('doorbell-server', 'demo', size='1M', vectors=4, activity=True)


def test_scrape(service, demo):
    demo.write(0, b'x' * 100)
    demo.read(0, 10)
    status, kind, text = service.get('scraper')
    assert status == 200
    assert kind == 'text/plain; version=0.0.4; charset=utf-8'
    assert value_of(text, 'ivshmem_region_up{region="demo"}') == '1'
    assert value_of(text, 'ivshmem_region_written_bytes_total{region="demo"}') == '100'
    assert value_of(text, 'ivshmem_region_operations_total{region="demo",op="read"}') == '1'
    assert value_of(text, 'ivshmem_operation_duration_seconds_count{op="write"}') == '1'
    assert int(value_of(text, 'process_open_fds')) > 0
    assert promtool('check', 'metrics', data=text) == ''
    status, kind, text = service.get('scraper', accept=f'{OPENMETRICS}; version=1.0.0, text/plain;q=0.5')
    assert status == 200
    assert kind == f'{OPENMETRICS}; version=1.0.0; charset=utf-8'
    assert text.endswith('\n# EOF\n')
    # What this very scrape and the one before did.
    assert value_of(text, 'ivshmem_http_requests_total{code="2xx"}') == '1'
    assert value_of(text, 'ivshmem_http_open_connections') is not None


def test_who_may_see_what(service, demo):
    assert demo.get('State') == 'ready'
    status, kind, _text = service.get()
    assert status == 401
    assert kind == 'application/problem+json'
    _status, _kind, all_of_it = service.get('scraper')
    assert '"other"' in all_of_it
    assert value_of(all_of_it, 'ivshmem_http_refused_total{reason="credentials"}') == '1'
    status, _kind, narrow = service.get('narrow')
    assert status == 200
    assert value_of(narrow, 'ivshmem_region_up{region="demo"}') == '1'
    assert '"other"' not in narrow
    assert 'process_' not in narrow and 'ivshmem_http_' not in narrow
    status, kind, _text = service.get('scraper', path='/metrics?x=1')
    assert status == 400


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Prometheus:
    """A real one, that scrapes a service with a token from a file, and has our alerts."""

    def __init__(self, ivt, service):
        self.url = f'http://127.0.0.1:{free_port()}'
        directory = ivt.make_dir('prometheus')
        with open(os.path.join(directory, 'token'), 'w', encoding='utf-8') as file:
            file.write(service.secrets['scraper'])
        shutil.copy(ALERTS, directory)
        config = {
            'global': {'scrape_interval': '1s', 'evaluation_interval': '1s'},
            'rule_files': ['alerts.yml'],
            'scrape_configs': [{
                'job_name': 'ivshmemd',
                'authorization': {'credentials_file': 'token'},
                'static_configs': [{'targets': [service.address]}],
            }],
        }
        path = os.path.join(directory, 'prometheus.yml')
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(config, file)  # YAML, too
        self.process = ivt.process(['prometheus', f'--config.file={path}', '--log.level=warn',
                                    f'--storage.tsdb.path={directory}/data',
                                    f'--web.listen-address={self.url.removeprefix("http://")}'])

    def ask(self, path, **arguments):
        try:
            with urllib.request.urlopen(f'{self.url}{path}?{urllib.parse.urlencode(arguments)}', timeout=30) as answer:
                return json.load(answer)['data']
        except (urllib.error.URLError, ConnectionError):
            assert self.process.running(), 'prometheus has ended'
            return None

    def query(self, expression):
        """{label set: value} once there is an answer."""
        data = self.ask('/api/v1/query', query=expression)
        return data and [(sample['metric'], float(sample['value'][1])) for sample in data['result']]

    def wait_value(self, expression, value):
        return wait_for(lambda: any(found == value for _labels, found in self.query(expression) or []), 60,
                        f'{expression} to be {value}')

    def stop(self):
        self.process.signal(signal.SIGTERM)
        self.process.wait(30)


def test_real_prometheus(ivt, service, demo):
    prometheus = Prometheus(ivt, service)
    prometheus.wait_value('ivshmem_region_up{region="demo"}', 1)
    prometheus.wait_value('ivshmem_region_info{region="demo",plugin="doorbell-server"}', 1)
    # A doorbell that is rung is a number in Prometheus.
    demo.ring(255, 2)
    demo.ring(255, 2)
    prometheus.wait_value('ivshmem_interrupts_received_total{region="demo",vector="2"}', 2)
    prometheus.wait_value('histogram_quantile(0.5, ivshmem_operation_duration_seconds_bucket{op="ring"}) < bool 60', 1)
    # It took OpenMetrics, as it prefers to, and could read all of it.
    targets = prometheus.ask('/api/v1/targets')['activeTargets']
    assert [(target['health'], target['lastError']) for target in targets] == [('up', '')]
    # The alerts are loaded and evaluate.
    wait_for(lambda: all(rule['health'] == 'ok' for group in prometheus.ask('/api/v1/rules')['groups']
                         for rule in group['rules']), 60, 'the alerts to be evaluated')
    assert prometheus.query('ALERTS') == []
    # The daemon goes: Prometheus sees that too.
    service.daemon.stop()
    prometheus.wait_value('up{job="ivshmemd"}', 0)
    prometheus.stop()


def test_alerts(tmp_path):
    shutil.copy(ALERTS, tmp_path)
    shutil.copy(ALERTS_TEST, tmp_path)
    assert 'SUCCESS' in promtool('check', 'rules', '--lint-fatal', 'alerts.yml', cwd=tmp_path)
    promtool('test', 'rules', 'alerts-test.yml', cwd=tmp_path)
    with open(ALERTS, encoding='utf-8') as file:
        alerts = set(re.findall(r'alert: (\w+)', file.read()))
    with open(ALERTS_TEST, encoding='utf-8') as file:
        fired = set(re.findall(r'alertname: (\w+)\n +exp_alerts', file.read()))
    assert alerts == fired, 'an alert that no test lets go off'


def exported_names(service):
    """Every name that a sample can have."""
    _status, _kind, text = service.get('scraper')
    names = set()
    for name, kind in re.findall(r'^# TYPE (\S+) (\S+)$', text, re.M):
        names |= {f'{name}{suffix}' for suffix in ('_bucket', '_sum', '_count')} if kind == 'histogram' else {name}
    return names


def panels_of(dashboard):
    for panel in dashboard['panels']:
        yield panel
        yield from panel.get('panels', [])


def test_dashboard(service, tmp_path):
    with open(DASHBOARD, encoding='utf-8') as file:
        dashboard = json.load(file)
    panels = list(panels_of(dashboard))
    assert len({panel['id'] for panel in panels}) == len(panels)
    variables = {variable['name']: variable for variable in dashboard['templating']['list']}
    queries = [variable['query']['query'] for variable in variables.values() if variable['type'] == 'query']
    expressions = [target['expr'] for panel in panels for target in panel.get('targets', [])]
    assert len(expressions) > 20
    # Nothing lies on anything else, and all of it is as wide as the page.
    places = {(panel['gridPos']['x'] + dx, panel['gridPos']['y'] + dy) for panel in panels
              for dx in range(panel['gridPos']['w']) for dy in range(panel['gridPos']['h'])}
    assert len(places) == sum(panel['gridPos']['w'] * panel['gridPos']['h'] for panel in panels)
    assert max(x for x, _y in places) == 23
    # Only what the daemon tells, and all variables known.
    known = exported_names(service)
    for expression in expressions + queries:
        used = set(METRIC.findall(expression))
        assert used and used <= known, f'{expression}: {used - known}'
        for variable in re.findall(r'\$\{?(\w+)', expression):
            assert variable in variables or variable == '__rate_interval', expression
    # Each can be read by Prometheus.
    rules = [{'record': f'panel:{number}', 'expr': re.sub(r'\$\w+', 'x', expression.replace('$__rate_interval', '5m'))}
             for number, expression in enumerate(expressions)]
    path = tmp_path / 'rules.yml'
    path.write_text(json.dumps({'groups': [{'name': 'dashboard', 'rules': rules}]}))
    promtool('check', 'rules', str(path))


def test_document_lists_every_metric(service):
    _status, _kind, text = service.get('scraper')
    told = dict(re.findall(r'^# TYPE (\S+) (\S+)$', text, re.M))
    with open(DOCUMENT, encoding='utf-8') as file:
        listed = dict(re.findall(r'^\| `(\w+)[^`]*` \| (\w+) \|', file.read(), re.M))
    assert listed == told


def test_alerts_name_only_what_is_told(service):
    known = exported_names(service)
    with open(ALERTS, encoding='utf-8') as file:
        expressions = re.findall(r'expr: (?:\|\n((?: {10}.*\n)+)|(.*)\n)', file.read())
    used = {name for pair in expressions for name in METRIC.findall(''.join(pair))}
    assert len(expressions) == 4
    assert {name for name in used if not LATER.match(name)} <= known
