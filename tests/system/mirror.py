"""What stands between the agents and a real droverd's HTTP address: a mirror that passes everything on, or answers one device as a test wants, with the
answers of tests/fault/faulty_depot.py and lies.py. droverd's http.public_url leads here, and the device is named in each URL of a package."""
import http.client
import urllib.parse

from faulty_depot import Depot, head

PASSED_ON = ("range", "if-range", "if-none-match", "authorization", "cache-control")
NOT_PASSED_BACK = ("connection", "keep-alive", "transfer-encoding", "date", "server")
PIECE = 65536


def query_of(request):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(request.target).query))


def device_of(request):
    """Of a package's URL or of the question what there is for a device."""
    query = query_of(request)
    return query.get("device") or query.get("device_id")


def pass_on(request):
    """What droverd says."""
    connection = http.client.HTTPConnection("127.0.0.1", request.depot.to, timeout=30)
    try:
        connection.request("GET", request.target, headers={name: request.headers[name] for name in PASSED_ON if name in request.headers})
        answer = connection.getresponse()
        yield head(answer.status, *(f"{name}: {value}" for name, value in answer.getheaders() if name.lower() not in NOT_PASSED_BACK))
        while piece := answer.read(PIECE):
            yield piece
    finally:
        connection.close()


class Mirror(Depot):
    def __init__(self, to=None):
        super().__init__(None, None, self.answer_for)
        self.to = to                     # droverd's port, known once it runs
        self.answers = {}                # by device; all others are passed on
        self.packages = {}

    def answer_for(self, request):
        return self.answers.get(device_of(request), pass_on)(request)

    def sha256_of(self, request):
        return urllib.parse.urlsplit(request.target).path.rpartition("/")[2]

    def package_of(self, request):
        """The bytes as droverd has them: what an answer damages, or sends in pieces."""
        sha256 = self.sha256_of(request)
        if sha256 not in self.packages:
            connection = http.client.HTTPConnection("127.0.0.1", self.to, timeout=30)
            connection.request("GET", f"/artifacts/{sha256}")
            self.packages[sha256] = connection.getresponse().read()
            connection.close()
        return self.packages[sha256]

    def asked(self, device):
        """Requests for packages by this device, in order."""
        with self.lock:
            return [request for request in self.requests if device_of(request) == device and request.target.startswith("/artifacts/")]
