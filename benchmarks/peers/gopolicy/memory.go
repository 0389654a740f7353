package gopolicy

import (
	"sync"
	"time"
)

type grant struct {
	user  string
	until time.Time
}

// memory remembers what tokens that verified granted. It is found by the whole token, holds at most
// size of them, and forgets any one for a new one. A nil memory remembers nothing.
type memory struct {
	mutex  sync.RWMutex
	size   int
	grants map[string]grant
}

func newMemory(size int) *memory {
	if size == 0 {
		return nil
	}
	return &memory{size: size, grants: make(map[string]grant, size)}
}

func (m *memory) get(token string, now time.Time) (string, bool) {
	if m == nil {
		return "", false
	}
	m.mutex.RLock()
	found, ok := m.grants[token]
	m.mutex.RUnlock()
	return found.user, ok && now.Before(found.until)
}

func (m *memory) put(token string, granted grant) {
	if m == nil {
		return
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if len(m.grants) >= m.size {
		for victim := range m.grants {
			delete(m.grants, victim)
			break
		}
	}
	m.grants[token] = granted
}
