package command

import (
	"bytes"
	"strings"
)

// Table is every command by its name. It is built once and never changes;
// several servers may share it.
type Table struct {
	specs []*Spec
	rows  int // subcommands included

	// slots is an open-addressing hash table over the names: every request
	// begins with a lookup, and this one neither copies the name to lower its
	// case nor hashes more of it than there is. At most a quarter is in use.
	slots   []*Spec
	longest int // length of the longest name
}

// NewTable builds the table of all commands. Each family file contributes one
// function that returns its rows.
func NewTable() *Table {
	t := &Table{}
	for _, family := range [][]*Spec{
		stringCommands(), counterCommands(), bitCommands(), hyperloglogCommands(), hashCommands(), setCommands(),
		listCommands(), zsetCommands(), geoCommands(), streamCommands(), keyCommands(), sortCommands(), dumpCommands(), expiryCommands(), scanCommands(), pubsubCommands(), waitCommands(),
		connectionCommands(), serverCommands(), transactionCommands(), logCommands(),
	} {
		for _, s := range family {
			t.add(s)
		}
	}
	t.index()
	return t
}

func (t *Table) add(s *Spec) {
	t.specs = append(t.specs, s)
	t.longest = max(t.longest, len(s.Name))
	s.Ord = t.rows
	t.rows++
	for _, sub := range s.Sub {
		sub.Parent = s
		sub.Ord = t.rows
		t.rows++
	}
}

// index fills slots. The size is a power of two, so that a mask does for the
// remainder.
func (t *Table) index() {
	size := 4
	for size < 4*len(t.specs) {
		size *= 2
	}
	t.slots = make([]*Spec, size)
	for _, s := range t.specs {
		i := t.slot([]byte(s.Name))
		for t.slots[i] != nil {
			i = (i + 1) & (size - 1)
		}
		t.slots[i] = s
	}
}

// slot is where name's probing begins.
func (t *Table) slot(name []byte) int {
	h := uint32(len(name))
	for _, b := range name {
		h = h*31 + uint32(b|0x20) // maps A to a; that it mixes up others too does no harm
	}
	h ^= h >> 15
	return int(h) & (len(t.slots) - 1)
}

// All returns every command, containers included, in table order. Subcommands
// are in their container's Sub.
func (t *Table) All() []*Spec { return t.specs }

// Rows is the number of rows, subcommands included: every Ord is below it.
func (t *Table) Rows() int { return t.rows }

// Command returns the command or container of that name, in whatever case, or
// nil.
func (t *Table) Command(name []byte) *Spec {
	if len(name) > t.longest {
		return nil // and not hashed: a name may be as long as a bulk
	}
	for i := t.slot(name); t.slots[i] != nil; i = (i + 1) & (len(t.slots) - 1) {
		if sameName(name, t.slots[i].Name) {
			return t.slots[i]
		}
	}
	return nil
}

// Named returns the row with that full name as COMMAND INFO takes it, "get" or
// "client|list" in whatever case, or nil.
func (t *Table) Named(name []byte) *Spec {
	first, second, isSub := bytes.Cut(name, []byte{'|'})
	s := t.Command(first)
	if s != nil && isSub {
		return s.Subcommand(second)
	}
	return s
}

// Subcommand returns the subcommand of a container by its own word, in
// whatever case, or nil.
func (s *Spec) Subcommand(word []byte) *Spec {
	for _, sub := range s.Sub {
		if sameName(word, sub.Name) {
			return sub
		}
	}
	return nil
}

// Lookup finds the row that carries out args, a subcommand's where there is
// one, and checks the number of arguments. problem is "" or the error to
// answer; with a wrong number of arguments the row is returned all the same,
// so that the refusal can be counted for it. It allocates nothing unless there
// is a problem. args holds the name at least.
func (t *Table) Lookup(args [][]byte) (s *Spec, problem string) {
	s = t.Command(args[0])
	if s == nil {
		return nil, unknownCommand(args)
	}
	if s.Sub != nil && len(args) > 1 {
		sub := s.Subcommand(args[1])
		if sub == nil {
			return nil, unknownSubcommand(s, args[1])
		}
		s = sub
	}
	if !s.ArityOK(len(args)) {
		return s, s.arityText()
	}
	return s, ""
}

// ArityOK reports whether a call with n words, the name or names included, has
// the right number of them.
func (s *Spec) ArityOK(n int) bool {
	if s.Arity < 0 {
		return n >= -s.Arity
	}
	return n == s.Arity
}

func (s *Spec) arityText() string {
	return "ERR wrong number of arguments for '" + s.FullName() + "' command"
}

// sameName compares a name in whatever case with one in lower case.
func sameName(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, b := range name {
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		if b != lower[i] {
			return false
		}
	}
	return true
}

// maxQuoted is how many bytes of what a client sent an error repeats.
const maxQuoted = 128

// unknownCommand repeats the name and the first arguments, each cut where
// Redis cuts it: the arguments share maxQuoted bytes, quotes counted but the
// last closing one.
func unknownCommand(args [][]byte) string {
	var shown strings.Builder
	for _, arg := range args[1:] {
		if shown.Len() >= maxQuoted {
			break
		}
		shown.WriteByte('\'')
		shown.Write(quotable(arg, maxQuoted-shown.Len()+1))
		shown.WriteString("' ")
	}
	return oneLine("ERR unknown command '" + string(quotable(args[0], maxQuoted)) +
		"', with args beginning with: " + shown.String())
}

func unknownSubcommand(s *Spec, word []byte) string {
	return oneLine("ERR unknown subcommand '" + string(quotable(word, maxQuoted)) +
		"'. Try " + strings.ToUpper(s.Name) + " HELP.")
}

// quotable is what a %.*s of C prints of b: at most limit bytes, and nothing
// from a zero byte on.
func quotable(b []byte, limit int) []byte {
	b = b[:min(limit, len(b))]
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return b
}

func oneLine(s string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(s) }
