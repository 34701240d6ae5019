"""Signs in at the demo's OpenID provider as a person with a browser would.

    sign_in.py URL NAME

Opens the URL, fills in the forms that come (who are you, do you agree), follows every redirect,
and ends on the page that vault-bootstrap shows after the last one.
"""

import html.parser
import http.cookiejar
import sys
import urllib.parse
import urllib.request

PAGES = 5  # the provider shows two forms


class Form(html.parser.HTMLParser):
    """The first form of a page: where it goes, and what its fields hold."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields = None, {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = attributes["action"]
        elif tag == "input" and attributes.get("name"):
            self.fields[attributes["name"]] = attributes.get("value", "")


def main(url, name):
    browser = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
    )
    answer = browser.open(url, timeout=20)
    for _ in range(PAGES):
        form = Form(answer.read().decode())
        if form.action is None:
            return
        if "login" in form.fields:
            form.fields.update(login=name, password="any will do here")
        body = urllib.parse.urlencode(form.fields).encode()
        answer = browser.open(urllib.parse.urljoin(answer.url, form.action), body, timeout=20)
    sys.exit(f"sign_in.py: more than {PAGES} pages, last {answer.url}")


main(*sys.argv[1:])
