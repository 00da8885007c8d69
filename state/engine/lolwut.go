package engine

import (
	"cmp"
	"strings"
	"unicode/utf8"

	"github.com/altilium-db/altilium/state/command"
)

// LOLWUT is a picture, as in Redis, and the version. Redis' forms are taken, with the same
// defaults and bounds, and our own pictures drawn:
//
//	VERSION 5 [columns [across [down]]]   a pile of logs, seen from the end, in braille dots
//	VERSION 6 [columns [rows]]            hills at night, in colours of a terminal
//	anything else                         the version alone
//
// What is random in them comes from the unit's seed: a recording shows the same again.

// maxDots bounds how high a pile is, in dots, four to a line: Redis allows a gigabyte.
const maxDots = 4000

// lolwutCommand is LOLWUT [VERSION version [number …]].
func lolwutCommand(e *Engine, _ *Session, c *command.Call) {
	form := int64(0)
	if len(c.Args) > 2 && c.Is(1, "VERSION") {
		var ok bool
		if form, ok = c.Int(2); !ok {
			return
		}
	}
	var picture string
	switch form {
	case 5:
		n, ok := numbers(c, bounded{66, 1, 1000}, bounded{8, 1, 200}, bounded{12, 1, 200})
		if !ok {
			return
		}
		picture = e.pileOfLogs(n[0], n[1], n[2]) + "\nA pile of logs: each of them remembers its years. "
	case 6:
		n, ok := numbers(c, bounded{80, 1, 1000}, bounded{20, 1, 1000})
		if !ok {
			return
		}
		picture = e.hillsAtNight(n[0], n[1]) + "\nHills at night, when nobody writes. "
	}
	c.Out.Verbatim("txt", picture+"Altilium ver. "+cmp.Or(e.o.Version, version())+", as Redis ver. "+redisVersion+"\n")
}

// bounded is a number that may be left out, and is brought within bounds.
type bounded struct{ otherwise, least, most int64 }

// numbers reads what follows LOLWUT VERSION n; after an error it is answered and ok false.
func numbers(c *command.Call, all ...bounded) (n []int, ok bool) {
	for i, b := range all {
		v := b.otherwise
		if at := 3 + i; at < len(c.Args) {
			if v, ok = c.Int(at); !ok {
				return nil, false
			}
		}
		n = append(n, int(min(max(v, b.least), b.most)))
	}
	return n, true
}

// pileOfLogs draws so many logs beside and above each other. The higher one lies, the
// further it may have rolled.
func (e *Engine) pileOfLogs(columns, across, down int) string {
	side := max(1, 2*columns/across)
	down = max(1, min(down, maxDots/side))
	p := newDots(columns, (side*down+3)/4)
	for y := range down {
		for x := range across {
			roll := side * (down - 1 - y) / down / 3
			e.drawLog(p, x*side+side/2+e.about(roll), y*side+side/2+e.about(roll/2), side/2-1)
		}
	}
	return p.String()
}

// drawLog draws a log by its bark and rings, each some years further in and a little aside.
func (e *Engine) drawLog(p *dots, x, y, radius int) {
	if radius < 1 {
		p.set(x, y)
		return
	}
	for r := radius; r > 0; r -= 2 + e.below(3) {
		p.circle(x, y, r)
		if r > 6 {
			x, y = x+e.about(1), y+e.about(1)
		}
	}
}

// hillsAtNight draws a sky with some stars and a moon, and two rows of hills.
func (e *Engine) hillsAtNight(columns, rows int) string {
	const sky, far, near, light = "0;30;40", "0;90;100", "0;37;47", "0;97;107"
	behind, before := e.ridge(columns, rows/4, rows/2), e.ridge(columns, rows/2, 3*rows/4)
	moonX, moonY := e.below(columns), 1+e.below(max(1, rows/5))
	var b strings.Builder
	for y := range rows {
		last := ""
		for x := range columns {
			colour := sky
			switch {
			case y >= before[x]:
				colour = near
			case y >= behind[x]:
				colour = far
			case y == moonY && x-moonX >= 0 && x-moonX < 3, e.below(60) == 0:
				colour = light
			}
			if colour != last {
				if last != "" {
					b.WriteString("\x1b[0m")
				}
				b.WriteString("\x1b[" + colour + "m")
				last = colour
			}
			b.WriteByte(' ')
		}
		b.WriteString("\x1b[0m\n")
	}
	return b.String()
}

// ridge is the line of a row of hills, between two heights counted from above: for each
// column where it is.
func (e *Engine) ridge(columns, highest, lowest int) []int {
	line := make([]int, columns)
	at := highest + e.below(lowest-highest+1)
	for x := range line {
		at = min(max(at+e.about(1), highest), lowest)
		line[x] = at
	}
	return line
}

// below is a random number from 0 to n-1.
func (e *Engine) below(n int) int { return int(e.random() % uint64(n)) }

// about is a random number from -n to n.
func (e *Engine) about(n int) int { return e.below(2*n+1) - n }

// dots is a picture of black dots, two wide and four high to a character.
type dots struct {
	columns int
	cells   []byte // by lines; a bit for each dot, as Unicode numbers those of braille
}

func newDots(columns, lines int) *dots {
	return &dots{columns: columns, cells: make([]byte, columns*lines)}
}

// set draws one dot, where it lies within the picture.
func (p *dots) set(x, y int) {
	if x < 0 || y < 0 || x/2 >= p.columns || y/4*p.columns >= len(p.cells) {
		return
	}
	bits := [4][2]byte{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}
	p.cells[y/4*p.columns+x/2] |= bits[y%4][x%2]
}

// circle draws a circle by Bresenham's midpoint algorithm, an eighth at a time.
func (p *dots) circle(x, y, radius int) {
	dx, dy, miss := radius, 0, 1-radius
	for dy <= dx {
		for _, d := range [4][2]int{{dx, dy}, {dy, dx}, {-dx, dy}, {-dy, dx}} {
			p.set(x+d[0], y+d[1])
			p.set(x+d[0], y-d[1])
		}
		dy++
		if miss <= 0 {
			miss += 2*dy + 1
		} else {
			dx--
			miss += 2*(dy-dx) + 1
		}
	}
}

// String is the picture, a line for each row of characters.
func (p *dots) String() string {
	const blank = 0x2800
	text := make([]byte, 0, 3*len(p.cells)+len(p.cells)/p.columns)
	for i, cell := range p.cells {
		text = utf8.AppendRune(text, blank+rune(cell))
		if (i+1)%p.columns == 0 {
			text = append(text, '\n')
		}
	}
	return string(text)
}
