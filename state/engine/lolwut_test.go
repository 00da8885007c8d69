package engine

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestLolwut: the forms of Redis are taken, with their bounds, the same seed draws the same
// picture, and the last line tells the version.
func TestLolwut(t *testing.T) {
	const last = "Altilium ver. 1.2.3, as Redis ver. " + redisVersion + "\n"
	connect := func() *client {
		return newHarness(t, setup{change: func(o *Options) { o.Version = "1.2.3" }}).connect()
	}
	for _, form := range []struct {
		call           string
		columns, lines int // of the picture
	}{
		{"LOLWUT", 0, 0},
		{"lolwut 5 1 2", 0, 0},
		{"LOLWUT VERSION", 0, 0},
		{"LOLWUT VERSION 7 x", 0, 0},
		{"LOLWUT VERSION -1", 0, 0},
		{"LOLWUT version 5", 66, 48},
		{"LOLWUT VERSION 5 40", 40, 30},
		{"LOLWUT VERSION 5 40 2 1 x", 40, 10},
		{"LOLWUT VERSION 5 0 -1 0", 1, 1},
		{"LOLWUT VERSION 5 1 9999 9999", 1, 50},
		{"LOLWUT VERSION 5 9999 1 200", 1000, 1000},
		{"LOLWUT VERSION 6", 80, 20},
		{"LOLWUT VERSION 6 10 3 x", 10, 3},
		{"LOLWUT VERSION 6 0 0", 1, 1},
		{"LOLWUT VERSION 6 9999 50", 1000, 50},
		{"LOLWUT VERSION 6 1 9999", 1, 1000},
	} {
		got := connect().do(form.call)
		if again := form.columns < 1000 && connect().do(form.call) != got; again {
			t.Errorf("%s: the same seed draws another picture", form.call)
		}
		_, text, _ := strings.Cut(got, "\r\n")
		lines := strings.Split(strings.TrimSuffix(text, "\r\n"), "\n")
		if !strings.HasSuffix(strings.Join(lines, "\n"), last) || !strings.HasPrefix(got, fmt.Sprintf("$%d\r\n", len(text)-2)) {
			t.Errorf("%s ends with %q", form.call, lines[max(0, len(lines)-2):])
		}
		if form.lines == 0 {
			if text != last+"\r\n" {
				t.Errorf("%s: %.200q", form.call, text)
			}
			continue
		}
		if n := len(lines) - 3; n != form.lines {
			t.Errorf("%s draws %d lines, not %d", form.call, n, form.lines)
			continue
		}
		for _, line := range lines[:form.lines] {
			if n := visible(line); n != form.columns {
				t.Fatalf("%s: a line has %d columns, not %d: %.200q", form.call, n, form.columns, line)
			}
		}
	}
	c := connect()
	if first, second := c.do("LOLWUT VERSION 5"), c.do("LOLWUT VERSION 5"); first == second {
		t.Error("each picture is the same")
	}
	if got := c.do("LOLWUT VERSION 5 2 1 1"); strings.Count(got, "\u2800") == 2 {
		t.Errorf("nothing is drawn: %q", got)
	}
	if got := c.do("HELLO 3", "LOLWUT"); !strings.HasSuffix(got, fmt.Sprintf("=%d\r\ntxt:%s\r\n", len(last)+4, last)) {
		t.Errorf("in RESP3 it is %q", got)
	}
}

// visible is how many characters a terminal shows of a line.
func visible(line string) (n int) {
	for i, part := range strings.Split(line, "\x1b[") {
		if _, shown, ok := strings.Cut(part, "m"); ok && i > 0 {
			part = shown
		}
		n += utf8.RuneCountInString(part)
	}
	return n
}
