"""Pages and bases that once went wrong. A folder with `expected.json` is a page, read by tests/e2e/reading.test.mjs in
a real browser; `server/` has those that need no browser. What is tested elsewhere:

    said to be beyond what was read       server/test_long_pages.py, an_abstention_about_a_page_that_was_read_in_part
    a page that moves without a reload    tests/e2e/evidence.test.mjs, a page that becomes another one
    a quotation without spaces            extension/tests/panel/answer/lastword.test.ts
    the welcome view's questions          tests/test_general_adapter.py, what the page is about
    a large page that freezes             large-page-freezes/, with turns for the page while it is read
"""
