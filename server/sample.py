"""The page of the sidebar's tour. Called by app. A page of the server's own, not of the extension's: browsers let no
extension read or narrow its own pages, so the tour shows on it what happens on every other page.
"""

SAMPLE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-src chrome-extension: "
    "moz-extension:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}

SAMPLE_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Rules of the Harbour Street tool library</title>
<style>
  body { margin: 0 auto; padding: 40px 24px 80px; max-width: 38em; font: 17px/1.65 Georgia, 'DejaVu Serif', serif;
    color: light-dark(#222, #e6e4df); background: light-dark(#fbfaf7, #191a1b); }
  h1 { font-size: 1.7em; line-height: 1.25; text-wrap: balance; } h2 { margin-top: 1.8em; font-size: 1.15em; }
  aside { margin: 0 0 2em; padding: 14px 18px; border: 1px solid; border-radius: 10px;
    font: 15px/1.5 system-ui, sans-serif; }
  kbd { padding: 1px 6px; border: 1px solid; border-radius: 5px; font: inherit; }
</style>
</head>
<body>
<aside aria-label="How to begin">This is a page to try Retinue on. Open the sidebar with its button in the browser's
toolbar, or press <kbd>Alt</kbd> <kbd>Shift</kbd> <kbd>K</kbd>.</aside>
<main>
<h1>Rules of the Harbour Street tool library</h1>
<p>The tool library lends tools to everybody who lives in the district. It is run by volunteers.</p>
<h2>Membership</h2>
<p>Membership costs 24 euros a year. People under 18 need the signature of a parent.</p>
<p>A member may cancel at the end of each month. The cancellation must reach the office in writing two weeks before.</p>
<h2>Borrowing</h2>
<p>You may borrow up to five tools at a time, for seven days. A loan can be extended once, for another seven days, if
nobody waits for the tool.</p>
<p>Power saws and ladders above four metres are lent only to members who took the safety course.</p>
<p>The deposit for power tools is 50 euros. It is paid back when the tool comes back clean and complete.</p>
<h2>Bringing tools back</h2>
<p>For each day of delay the library charges 2 euros a tool, but never more than the deposit.</p>
<p>Whoever breaks a tool pays for the repair, at most 80 euros. Normal wear costs nothing.</p>
<h2>Opening hours</h2>
<p>The library is open on Tuesday and Friday from 16.00 to 19.00 and on Saturday from 10.00 to 13.00.</p>
<p>It is closed in the last two weeks of December.</p>
</main>
</body>
</html>
"""
