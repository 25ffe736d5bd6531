/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a page of a report does beyond being read: search, keys, and what a lock needs and is
 * needed by. All that is shown comes from the page itself, and is put there as text.
 */
"use strict";
(() => {
	const SHOWN_MAX = 200; /* entries of one list in a panel */
	const all = (selector, from = document) => [...from.querySelectorAll(selector)];
	const search = document.getElementById("search");
	const matches = document.getElementById("matches");
	const help = document.getElementById("help");

	function make(tag, text, parent) {
		const element = document.createElement(tag);
		element.textContent = text;
		parent.append(element);
		return element;
	}

	/* The net of each process: needs by either end. */
	const nets = new Map();
	for (const script of all("script.net-data")) {
		const data = JSON.parse(script.textContent);
		const net = { texts: data.texts, names: new Map(data.things), out: new Map(), into: new Map() };
		const put = (map, key, need) => map.has(key) ? map.get(key).push(need) : map.set(key, [need]);
		for (const [from, to, thread, given, needed, isGiven] of data.needs) {
			const need = { from, to, thread, given, needed, isGiven };
			put(net.out, from, need);
			put(net.into, to, need);
		}
		nets.set(script.dataset.process, net);
	}

	function listNeeds(parent, process, net, title, needs, end) {
		const side = make("div", "", parent);
		make("h4", `${title} (${needs.length})`, side);
		const list = make("ul", "", side);
		list.tabIndex = 0; /* it may have to be scrolled */
		for (const need of needs.slice(0, SHOWN_MAX)) {
			const item = make("li", "", list);
			const link = make("a", net.names.get(need[end]) ?? "?", item);
			link.href = `#p${process}-thing-${need[end]}`;
			const where = [net.texts[need.given], net.texts[need.needed]];
			make("span", ` ${net.texts[need.thread]}, ${need.isGiven ? "given" : "held"} in ` +
				`${where[0] || "an unknown place"}, needed in ${where[1] || "an unknown place"}`, item)
				.className = "where";
		}
		if (needs.length > SHOWN_MAX)
			make("p", `and ${needs.length - SHOWN_MAX} more`, side).className = "note";
	}

	function unpick() {
		for (const picked of all(".picked"))
			picked.classList.remove("picked");
	}

	/* What a thing needs, and what needs it. */
	function showThing(process, thing, name) {
		const net = nets.get(process);
		const panel = document.getElementById(`p${process}-panel`);
		if (!net || !panel)
			return;
		panel.replaceChildren();
		panel.hidden = false;
		panel.setAttribute("role", "region");
		panel.setAttribute("aria-label", "A thing and its needs");
		const title = make("h3", net.names.get(thing) ?? name ?? "a thing without needs", panel);
		title.className = "thing";
		title.tabIndex = -1;
		const close = make("button", "Close", panel);
		close.type = "button";
		close.addEventListener("click", () => {
			panel.hidden = true;
			unpick();
		});
		const sides = make("div", "", panel);
		sides.className = "sides";
		listNeeds(sides, process, net, "is needed by", net.into.get(thing) ?? [], "from");
		listNeeds(sides, process, net, "needs", net.out.get(thing) ?? [], "to");
		unpick();
		for (const box of all(`#locks .box[data-thing="${thing}"]`))
			if (box.querySelector(`a[href="#p${process}-thing-${thing}"]`))
				box.classList.add("picked");
		panel.scrollIntoView({ block: "nearest" });
		title.focus({ preventScroll: true });
	}

	function follow(hash, name) {
		const where = /^#p(\d+)-thing-(\d+)$/.exec(hash);
		if (where)
			showThing(where[1], Number(where[2]), name);
		return Boolean(where);
	}

	document.addEventListener("click", (event) => {
		const link = event.target.closest("a");
		const hash = link && link.getAttribute("href");
		if (hash && follow(hash, link.textContent)) {
			event.preventDefault();
			history.replaceState(null, "", hash);
		}
	});

	/* Search: what does not match is hidden; in drawings, it fades. */
	const found = all("[data-find]").map((element) => ({ element, text: null }));
	const drawings = all("#locks svg").map((svg) => ({ boxes: all(".box", svg), lines: all(".line", svg) }));
	const folds = all("details.things, details.excused");
	const wereOpen = new Map();
	const nUnlisted = all("details.things").reduce((n, list) => n + Number(list.dataset.unlisted), 0);

	function matchesAll(text, words) {
		return words.every((word) => text.includes(word));
	}

	function openFolds(searching) {
		for (const fold of folds) {
			if (searching && !wereOpen.has(fold))
				wereOpen.set(fold, fold.open);
			if (searching)
				fold.open = Boolean(fold.querySelector("[data-find]:not([hidden])"));
			else if (wereOpen.has(fold))
				fold.open = wereOpen.get(fold);
		}
		if (!searching)
			wereOpen.clear();
	}

	/* Boxes that do not match, and lines between them. */
	function fade(drawing, words) {
		const kept = new Set();
		for (const box of drawing.boxes) {
			const matched = matchesAll(box.textContent.toLowerCase(), words);
			box.classList.toggle("dim", !matched);
			if (matched)
				kept.add(box.dataset.thing);
		}
		for (const { classList, dataset } of drawing.lines)
			classList.toggle("dim", !kept.has(dataset.from) && !kept.has(dataset.to));
	}

	function filter() {
		const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
		const counts = { findings: 0, threads: 0, locks: 0, contention: 0 };
		for (const one of found) {
			one.text ??= one.element.textContent.toLowerCase();
			one.section ??= one.element.closest("section").id;
			const shown = matchesAll(one.text, words);
			one.element.hidden = !shown;
			counts[one.section] += shown;
		}
		drawings.forEach((drawing) => fade(drawing, words));
		openFolds(words.length > 0);
		const told = [[counts.findings, "finding"], [counts.threads, "thread"], [counts.locks, "thing"],
			[counts.contention, "wait"]].map(([n, word]) => `${n} ${word}${n === 1 ? "" : "s"}`);
		if (nUnlisted)
			told.push(`${nUnlisted} thing${nUnlisted === 1 ? "" : "s"} not searched`);
		matches.textContent = words.length ? told.join(", ") : "";
	}

	let waiting = 0;
	search.addEventListener("input", () => {
		clearTimeout(waiting);
		waiting = setTimeout(filter, 60);
	});

	/* With just one thing left, Enter shows its needs. */
	search.addEventListener("keydown", (event) => {
		if (event.key !== "Enter")
			return;
		clearTimeout(waiting);
		filter();
		const row = all("#locks tr[data-find]:not([hidden])")[0];
		if (row)
			row.querySelector("a").click();
	});

	/* Keys. */
	function step(by) {
		const shown = all(".finding:not([hidden])").filter((one) => one.offsetParent);
		const at = shown.indexOf(document.activeElement.closest(".finding"));
		const next = shown[at < 0 ? (by > 0 ? 0 : shown.length - 1) : at + by];
		if (next) {
			next.focus({ preventScroll: true });
			next.scrollIntoView({ block: "start" });
		}
	}

	function go(id) {
		const title = document.getElementById(`h-${id}`);
		title.tabIndex = -1;
		title.focus({ preventScroll: true });
		title.scrollIntoView({ block: "start" });
	}

	const keys = {
		"/": () => search.focus(),
		"?": () => help.showModal(),
		j: () => step(1),
		k: () => step(-1),
		f: () => go("findings"),
		t: () => go("threads"),
		l: () => go("locks"),
		c: () => go("contention"),
	};

	document.addEventListener("keydown", (event) => {
		if (event.key === "Escape" && search.value && !help.open) {
			search.value = "";
			filter();
			search.blur();
			return;
		}
		if (event.ctrlKey || event.altKey || event.metaKey || help.open ||
		    event.target.closest("input, textarea, select"))
			return;
		if (Object.hasOwn(keys, event.key)) {
			event.preventDefault();
			keys[event.key]();
		}
	});
	document.getElementById("help-button").addEventListener("click", () => help.showModal());
	document.querySelector(".search").hidden = false;

	/* A drawing that does not fit is shown where it matters. */
	for (const drawing of all(".drawing")) {
		const box = drawing.querySelector(".found, .bql, .box");
		const { left, top, height } = drawing.getBoundingClientRect();
		const at = box.getBoundingClientRect();
		drawing.scrollTo(at.left - left - 40, at.top - top - height / 2);
	}
	follow(location.hash);
})();
