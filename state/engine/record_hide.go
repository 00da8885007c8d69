package engine

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/altilium-db/altilium/state/command"
)

// hider keeps passwords out of a recording. Each is replaced by a pseudonym,
// wherever a command takes one and wherever CONFIG GET shows it, so that a
// recording can be handed on.
//
// A pseudonym is a keyed hash: within a recording the same password has the same
// one and others have others, and that is all that a replay needs to answer
// every AUTH as it was answered. The key is forgotten with the recording, so a
// pseudonym tells nothing, not even to somebody with a list of passwords. The
// empty password stays: it says that there is none.
type hider struct {
	key   [32]byte
	shown map[string]string // passwords that a setting has had, which CONFIG GET may show, and their pseudonyms
}

func newHider() *hider {
	h := &hider{shown: map[string]string{}}
	_, _ = rand.Read(h.key[:]) // never fails (crypto/rand)
	return h
}

// pseudonym stands for a password.
func (h *hider) pseudonym(password []byte) string {
	if len(password) == 0 {
		return ""
	}
	mac := hmac.New(sha256.New, h.key[:])
	mac.Write(password)
	return "hidden-" + hex.EncodeToString(mac.Sum(nil)[:8])
}

// setting is pseudonym for one that CONFIG GET may show.
func (h *hider) setting(password []byte) string {
	p := h.pseudonym(password)
	if p != "" {
		h.shown[string(password)] = p
	}
	return p
}

// args gives a command without its passwords: args itself when it has none.
// Only what can be a password is replaced, since errors repeat other words.
func (h *hider) args(cfg *Config, args [][]byte) [][]byte {
	if len(args) < 2 {
		return args
	}
	hidden := args
	put := func(i int, text string) {
		if &hidden[0] == &args[0] {
			hidden = slices.Clone(args)
		}
		hidden[i] = []byte(text)
	}
	switch {
	case command.IsWord(args[0], "AUTH"):
		for i := min(2, len(args)-1); i < len(args); i++ {
			put(i, h.pseudonym(args[i]))
		}
	case command.IsWord(args[0], "HELLO"):
		for i := range helloAuths(args) {
			if i+2 < len(args) {
				put(i+2, h.pseudonym(args[i+2]))
			}
		}
	case command.IsWord(args[0], "CONFIG") && command.IsWord(args[1], "SET"):
		for i := 2; i+1 < len(args); i += 2 {
			if p := cfg.param(string(args[i])); p != nil && p.Secret {
				put(i+1, h.setting(args[i+1]))
			}
		}
	}
	return hidden
}

// reply gives a reply that may show settings without those that are secret.
func (h *hider) reply(wire []byte) []byte {
	for password, pseudonym := range h.shown {
		wire = bytes.ReplaceAll(wire, bulkOf(password), bulkOf(pseudonym))
	}
	return wire
}

// bulkOf is a text as a bulk string.
func bulkOf(text string) []byte {
	return []byte("$" + strconv.Itoa(len(text)) + "\r\n" + text + "\r\n")
}

// recordedSettings are the settings that replies depend on. Whoever is in a
// recording was let in, so nothing may keep him out when it is played.
func (e *Engine) recordedSettings() map[string]string {
	s := e.cfg.now.Load()
	out := map[string]string{
		"requirepass":    e.recording.hide.setting([]byte(s.requirepass)),
		"maxclients":     strconv.FormatUint(1<<32-1, 10),
		"protected-mode": "no",
	}
	if e.clock.set.own {
		out["clock"] = e.clock.set.String()
	}
	for _, name := range []string{"enable-debug-command", "client-query-buffer-limit", "maxmemory-policy", "notify-keyspace-events", "tracking-table-max-keys"} {
		out[name] = e.cfg.param(name).get(s)
	}
	return out
}
