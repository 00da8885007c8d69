package command

import (
	"iter"
	"strings"
)

// Keys says where some of a command's keys are among its arguments: First, First+Step, …
// up to Last, counted from 1; a negative Last counts from the end (-1 is the last
// argument). The zero value means no keys.
type Keys struct {
	First, Last, Step int
	Flags             string // COMMAND INFO's key-spec flags, space-separated: "RW ACCESS UPDATE"; or [NotKey]

	// Counted: at First stands the number of the keys, which follow it. Last is not used.
	Counted bool
	// Keyword is a word that the keys follow; it is sought from First on. Last then counts
	// from the first key, a negative one from the end.
	Keyword string
	// Limit: only the first of so many parts of the arguments up to Last are keys (those
	// of XREAD are followed by as many ids); 0 and 1 mean all.
	Limit int
	// Unknown: a client cannot tell by such rules, COMMAND INFO says. Where there is a
	// Keyword, what follows it last is a key.
	Unknown bool
	// Skip are options whose arguments are not looked at for the Keyword.
	Skip []Option
}

// Option is a word, in upper case, that so many arguments follow.
type Option struct {
	Word      string
	Arguments int
}

// NotKey are the flags of what is spread over shards as a key is, and is none.
const NotKey = "NOT_KEY"

// keysAt are the keys from first to last.
func keysAt(first, last, step int, flags string) Keys {
	return Keys{First: first, Last: last, Step: step, Flags: flags}
}

// keysCounted are keys whose number stands before them, at an argument.
func keysCounted(at int, flags string) Keys {
	return Keys{First: at, Step: 1, Flags: flags, Counted: true}
}

// oneKey is the key specs of a command whose key is its first argument.
func oneKey(flags string) []Keys { return []Keys{keysAt(1, 1, 1, flags)} }

// KeyPositions yields the indexes of the keys in a call, in the order of the key
// specs. It allocates nothing. A call with too few arguments has the keys that are
// there.
func (s *Spec) KeyPositions(args [][]byte) iter.Seq[int] {
	return func(yield func(int) bool) { s.eachKey(args, "", yield) }
}

// ReadPositions is KeyPositions for the keys that the call only reads.
func (s *Spec) ReadPositions(args [][]byte) iter.Seq[int] {
	return func(yield func(int) bool) { s.eachKey(args, "RO", yield) }
}

// eachKey yields the keys whose flags begin with a word.
func (s *Spec) eachKey(args [][]byte, word string, yield func(int) bool) {
	for i := range s.Keys {
		k := &s.Keys[i]
		if k.Flags == NotKey || !strings.HasPrefix(k.Flags, word) {
			continue
		}
		first, last := k.span(args)
		for at := first; at <= last && at < len(args); at += max(1, k.Step) {
			if !yield(at) {
				return
			}
		}
	}
}

// HasKeys reports whether a call has all the keys that it says it has, and one at least.
func (s *Spec) HasKeys(args [][]byte) bool {
	for i := range s.Keys {
		k := &s.Keys[i]
		switch first, last := k.span(args); {
		case k.Counted && (last < first || last >= len(args)),
			!k.Counted && !k.Unknown && k.Keyword == "" && first >= len(args): // PFMERGE without sources
			return false
		}
	}
	for range s.KeyPositions(args) {
		return true
	}
	return false
}

// span is where the keys of a call begin and end; last is less than first where there are
// none.
func (k *Keys) span(args [][]byte) (first, last int) {
	switch {
	case k.Keyword != "":
		if first = k.after(args); first == 0 {
			return 0, -1
		}
		last = first + k.Last
		if k.Last < 0 {
			last = len(args) + k.Last
		}
	case k.Unknown:
		return 0, -1
	case k.Counted:
		if k.First >= len(args) {
			return 0, -1
		}
		n, ok := ParseInt(args[k.First])
		if !ok || n <= 0 || n > int64(len(args)) {
			return 0, -1
		}
		return k.First + 1, k.First + int(n)
	default:
		first, last = k.First, k.Last
		if last < 0 {
			last += len(args)
		}
	}
	if k.Limit > 1 {
		last = first + (last-first+1)/k.Limit - 1
	}
	return first, last
}

// after is what follows the keyword, 0 where it is not there.
func (k *Keys) after(args [][]byte) (at int) {
	for i := k.First; i < len(args)-1; i++ {
		if skipped := k.skipped(args[i]); skipped > 0 {
			i += skipped
			continue
		}
		if IsWord(args[i], k.Keyword) {
			if at = i + 1; !k.Unknown {
				return at
			}
		}
	}
	return at
}

// skipped is how many arguments follow a word that are not looked at.
func (k *Keys) skipped(word []byte) int {
	for _, o := range k.Skip {
		if IsWord(word, o.Word) {
			return o.Arguments
		}
	}
	return 0
}
