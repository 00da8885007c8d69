package engine

import (
	"slices"
	"strconv"
)

// How a recording brings back who tracks what: by the commands that clients would say.

// words is the CLIENT TRACKING that makes it so; nil for none.
func (now *tracking) words() []string {
	if !now.on {
		return nil
	}
	words := []string{"CLIENT", "TRACKING", "ON"}
	if now.redirect != 0 {
		words = append(words, "REDIRECT", strconv.FormatUint(now.redirect, 10))
	}
	for _, p := range now.prefixes {
		words = append(words, "PREFIX", p)
	}
	for _, o := range []struct {
		on   bool
		word string
	}{
		{now.bcast, "BCAST"}, {now.optIn, "OPTIN"}, {now.optOut, "OPTOUT"}, {now.noLoop, "NOLOOP"},
	} {
		if o.on {
			words = append(words, o.word)
		}
	}
	return words
}

// cachingWords is the CLIENT CACHING that it takes.
func (now *tracking) cachingWords() []string {
	if now.optIn {
		return []string{"CLIENT", "CACHING", "YES"}
	}
	return []string{"CLIENT", "CACHING", "NO"}
}

// maxPreludeKeys is how many keys are told by one command.
const maxPreludeKeys = 100

// recordPreludeTracked records who has read which keys, in the order in which they are kept: by
// an EXISTS of those that follow each other and that the same clients have read.
func (e *Engine) recordPreludeTracked() {
	for k := e.tracking.first; k != nil; {
		ids := k.ids
		words := []string{"EXISTS"}
		for ; k != nil && len(words) <= maxPreludeKeys && slices.Equal(k.ids, ids); k = k.after {
			words = append(words, k.key)
		}
		for _, id := range ids {
			s := e.live(id)
			if s == nil || !s.tracking.on || s.tracking.bcast || s.monitors && s.monitorsEarly() {
				continue
			}
			say := e.preludeOf(s)
			if s.tracking.optIn {
				say(s.tracking.cachingWords()...)
			}
			say(words...)
		}
	}
}
