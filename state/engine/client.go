package engine

import (
	"strconv"
	"strings"

	"github.com/altilium-db/altilium/state/command"
)

const errClientName = "ERR Client names cannot contain spaces, newlines or special characters."

// printable reports whether a name has visible ASCII characters only, so that
// it cannot break a line of CLIENT LIST.
func printable(name string) bool {
	for i := range len(name) {
		if name[i] < '!' || name[i] > '~' {
			return false
		}
	}
	return true
}

// setName names the connection; "" takes its name away.
func (s *Session) setName(name string) {
	if s.name != name {
		s.name = name
		s.renamed()
	}
}

func clientGetname(_ *Engine, s *Session, c *command.Call) {
	if s.name == "" {
		c.Out.Null()
		return
	}
	c.Out.BulkString(s.name)
}

func clientSetname(_ *Engine, s *Session, c *command.Call) {
	name := string(c.Args[2])
	if !printable(name) {
		c.Out.Error(errClientName)
		return
	}
	s.setName(name)
	c.Out.OK()
}

// clientSetinfo is CLIENT SETINFO LIB-NAME|LIB-VER text.
func clientSetinfo(_ *Engine, s *Session, c *command.Call) {
	var field *string
	switch {
	case c.Is(2, "LIB-NAME"):
		field = &s.lib
	case c.Is(2, "LIB-VER"):
		field = &s.libVer
	default:
		c.Out.Error("ERR Unrecognized option '" + string(c.Args[2]) + "'")
		return
	}
	text := string(c.Args[3])
	if !printable(text) {
		c.Out.Error("ERR " + string(c.Args[2]) + " cannot contain spaces, newlines or special characters.")
		return
	}
	if *field != text {
		*field = text
		s.renamed()
	}
	c.Out.OK()
}

func clientID(_ *Engine, s *Session, c *command.Call) { c.Out.Int(int64(s.id)) }

func clientInfo(e *Engine, s *Session, c *command.Call) {
	c.Out.Verbatim("txt", string(e.clientLine(nil, s)))
}

// clientReply is CLIENT REPLY ON|OFF|SKIP. Only ON is answered; what becomes of
// the others' replies is finishReply's.
func clientReply(_ *Engine, s *Session, c *command.Call) {
	switch {
	case c.Is(2, "ON"):
		s.muting = replyOn
		c.Out.OK()
	case c.Is(2, "OFF"):
		s.muting = replyOff
	case c.Is(2, "SKIP"):
		if s.muting != replyOff {
			s.muting = replyNext
		}
	default:
		c.Out.Error(command.TextSyntax)
	}
}

func clientNoEvict(_ *Engine, s *Session, c *command.Call) { setSwitch(&s.noEvict, c) }

func clientNoTouch(_ *Engine, s *Session, c *command.Call) { setSwitch(&s.noTouch, c) }

func setSwitch(at *bool, c *command.Call) {
	switch {
	case c.Is(2, "ON"):
		*at = true
	case c.Is(2, "OFF"):
		*at = false
	default:
		c.Out.Error(command.TextSyntax)
		return
	}
	c.Out.OK()
}

// clientType is a kind of connection.
type clientType uint8

const (
	anyType    clientType = iota
	normalType            // neither of the others
	pubsubType            // it has subscribed to something
	absentType            // a word that filters know and nothing here is
)

func parseClientType(word []byte) (t clientType, ok bool) {
	switch strings.ToLower(string(word)) {
	case "normal":
		return normalType, true
	case "pubsub":
		return pubsubType, true
	case "master", "slave", "replica":
		return absentType, true
	}
	return anyType, false
}

// has reports whether s is of the kind.
func (t clientType) has(s *Session) bool {
	switch t {
	case normalType:
		return s.subscriptions() == 0
	case pubsubType:
		return s.subscriptions() > 0
	}
	return t == anyType
}

func unknownType(word []byte) string { return "ERR Unknown client type '" + string(word) + "'" }

// clientList is CLIENT LIST [TYPE type | ID id …].
func clientList(e *Engine, s *Session, c *command.Call) {
	var text []byte
	switch args := c.Args; {
	case len(args) == 2:
		text = e.clientLines(s, anyType)
	case len(args) == 4 && c.Is(2, "TYPE"):
		t, ok := parseClientType(args[3])
		if !ok {
			c.Out.Error(unknownType(args[3]))
			return
		}
		text = e.clientLines(s, t)
	case len(args) > 3 && c.Is(2, "ID"):
		for _, arg := range args[3:] {
			id, ok := command.ParseInt(arg)
			if !ok {
				c.Out.Error("ERR Invalid client ID")
				return
			}
			if other := e.sessions[uint64(id)]; other != nil && (other == s || !other.closing) {
				text = e.clientLine(text, other)
			}
		}
	default:
		c.Out.Error(command.TextSyntax)
		return
	}
	c.Out.Verbatim("txt", string(text))
}

// clientLines is the line of every open connection of a kind, oldest first. One that
// was killed and whose end the front end has not told yet is gone already.
func (e *Engine) clientLines(self *Session, t clientType) []byte {
	var text []byte
	for _, other := range e.sessionsByID() {
		if (other == self || !other.closing) && t.has(other) {
			text = e.clientLine(text, other)
		}
	}
	return text
}

// clientLine appends one connection as CLIENT LIST shows it. What only the
// front end knows, the descriptor and the buffers, is 0 here, or -1.
func (e *Engine) clientLine(dst []byte, s *Session) []byte {
	word := func(name, value string) {
		if len(dst) > 0 && dst[len(dst)-1] != '\n' {
			dst = append(dst, ' ')
		}
		dst = append(append(append(dst, name...), '='), value...)
	}
	number := func(name string, n int64) { word(name, strconv.FormatInt(n, 10)) }
	multi := int64(-1)
	if s.multi.active {
		multi = int64(len(s.multi.queue))
	}
	cmd := "NULL"
	if s.lastCmd != nil {
		cmd = s.lastCmd.FullName()
	}
	number("id", int64(s.id))
	word("addr", s.peer.RemoteAddr())
	word("laddr", s.peer.LocalAddr())
	number("fd", -1)
	word("name", s.name)
	number("age", max(0, e.now-s.opened)/1e6)
	number("idle", max(0, e.now-s.active)/1e6)
	word("flags", s.flags())
	number("db", int64(s.db))
	number("sub", int64(len(s.subs[channels])))
	number("psub", int64(len(s.subs[patterns])))
	number("ssub", int64(len(s.subs[shards])))
	number("multi", multi)
	word("qbuf", "0 qbuf-free=0 argv-mem=0")
	number("multi-mem", int64(s.multi.bytes))
	word("rbs", "0 rbp=0 obl=0 oll=0")
	unsent := s.peer.Unsent()
	number("omem", int64(unsent))
	number("tot-mem", int64(s.multi.bytes+unsent))
	word("events", "r")
	word("cmd", cmd)
	word("user", s.user)
	number("redir", s.tracking.redirection())
	number("resp", int64(s.proto))
	word("lib-name", s.lib)
	word("lib-ver", s.libVer)
	if s.past != nil {
		word("asof", "@"+strconv.FormatUint(s.past.Offset, 10))
	}
	return append(dst, '\n')
}

// flags is what CLIENT LIST shows as flags, in Redis' order.
func (s *Session) flags() string {
	var b strings.Builder
	for _, f := range []struct {
		on   bool
		name byte
	}{
		{s.monitors, 'O'}, {s.subscriptions() > 0, 'P'}, {s.multi.active, 'x'}, {s.waiting, 'b'},
		{s.tracking.on, 't'}, {s.tracking.broken, 'R'}, {s.tracking.bcast, 'B'}, {s.lost, 'd'}, {s.closing, 'c'}, {s.noEvict, 'e'}, {s.noTouch, 'T'},
	} {
		if f.on {
			b.WriteByte(f.name)
		}
	}
	if b.Len() == 0 {
		return "N"
	}
	return b.String()
}

// killFilter is which connections CLIENT KILL closes. Unset parts fit all.
type killFilter struct {
	id     uint64
	addr   string
	laddr  string
	user   string
	typ    clientType
	nobody bool // an empty address
	skipme bool
}

func (f *killFilter) fits(s *Session) bool {
	return !f.nobody && f.typ.has(s) &&
		(f.id == 0 || f.id == s.id) &&
		(f.addr == "" || f.addr == s.peer.RemoteAddr()) &&
		(f.laddr == "" || f.laddr == s.peer.LocalAddr()) &&
		(f.user == "" || f.user == s.user)
}

// clientKill is CLIENT KILL addr, or CLIENT KILL with filters.
func clientKill(e *Engine, s *Session, c *command.Call) {
	old := len(c.Args) == 3
	f := killFilter{skipme: !old}
	if old {
		f.addr, f.nobody = string(c.Args[2]), len(c.Args[2]) == 0
	} else if problem := f.parse(c.Args[2:]); problem != "" {
		c.Out.Error(problem)
		return
	}
	killed := int64(0)
	self := false
	for _, other := range e.sessionsByID() {
		switch {
		case !f.fits(other) || other.closing:
		case other != s:
			other.closing = true
			e.unsubscribeAll(other) // its end may come behind what this transaction publishes
			other.peer.Kill()
			killed++
		case !f.skipme:
			self = true
			killed++
		}
	}
	switch {
	case !old:
		c.Out.Int(killed)
	case killed == 0:
		c.Out.Error("ERR No such client")
	default:
		c.Out.OK()
	}
	if self {
		s.hangup()
	}
}

// parse reads filters in pairs of word and value; the result is "" or the error
// to answer.
func (f *killFilter) parse(args [][]byte) string {
	for ; len(args) > 0; args = args[2:] {
		if len(args) == 1 {
			return command.TextSyntax
		}
		value := args[1]
		switch strings.ToLower(string(args[0])) {
		case "id":
			id, ok := command.ParseInt(value)
			if !ok || id < 1 {
				return "ERR client-id should be greater than 0"
			}
			f.id = uint64(id)
		case "type":
			var ok bool
			if f.typ, ok = parseClientType(value); !ok {
				return unknownType(value)
			}
		case "addr":
			f.addr, f.nobody = string(value), f.nobody || len(value) == 0
		case "laddr":
			f.laddr, f.nobody = string(value), f.nobody || len(value) == 0
		case "user":
			if string(value) != defaultUser {
				return "ERR No such user '" + string(value) + "'"
			}
			f.user = string(value)
		case "skipme":
			switch strings.ToLower(string(value)) {
			case "yes":
				f.skipme = true
			case "no":
				f.skipme = false
			default:
				return command.TextSyntax
			}
		default:
			return command.TextSyntax
		}
	}
	return ""
}
