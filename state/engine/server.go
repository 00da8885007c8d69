package engine

import (
	"strconv"

	"github.com/altilium-db/altilium/state/command"
)

// serverHandlers are the commands that speak of the server as a whole.
func serverHandlers() map[string]handler {
	return map[string]handler{
		"info":                    infoCommand,
		"lolwut":                  lolwutCommand,
		"time":                    timeCommand,
		"role":                    roleCommand,
		"debug":                   debugCommand,
		"config|get":              configGet,
		"config|help":             helpOfContainer,
		"config|resetstat":        configResetstat,
		"config|rewrite":          configRewrite,
		"config|set":              configSet,
		"command":                 commandAll,
		"command|count":           commandCount,
		"command|docs":            commandDocs,
		"command|getkeys":         commandGetkeys,
		"command|getkeysandflags": commandGetkeysandflags,
		"command|help":            helpOfContainer,
		"command|info":            commandInfo,
		"command|list":            commandList,
		"log|digest":              logDigest,
		"log|help":                helpOfContainer,
		"log|info":                logInfo,
		"log|offset":              logOffset,
		"record|help":             helpOfContainer,
	}
}

// timeCommand tells the clock of the unit: a replayed session's is the recorded
// one, and that of a server on the past stands still.
func timeCommand(e *Engine, _ *Session, c *command.Call) {
	c.Out.Array(2)
	c.Out.BulkString(strconv.FormatInt(e.dataClock()/1_000_000, 10))
	c.Out.BulkString(strconv.FormatInt(e.dataClock()%1_000_000, 10))
}
