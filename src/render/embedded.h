/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The style sheets and the script of pages, as texts; embed-page.py makes them of the files. */
#pragma once

extern const char dw_net_css[];
extern const char dw_page_css[];
extern const char dw_page_js[];

/* What a page may run and be styled by, and nothing else: "sha256-...", as a policy has it. */
extern const char dw_page_css_hash[];
extern const char dw_page_js_hash[];
