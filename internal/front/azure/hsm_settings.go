// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/http"
	"strings"

	"github.com/genbu-hsm/genbu/internal/client"
)

// The settings of a managed HSM. There is one.

var aSetting = noun{title: "Setting", notFound: "SettingNotFound"}

func settingOperations() []operation {
	return []operation{
		{"GET", "settings", aSetting, settingList, nil}, {"GET", "settings/{n}", aSetting, settingGet, nil}, {"PATCH", "settings/{n}", aSetting, settingUpdate, nil},
	}
}

// armKeys says whether keys may be made through the resource manager.
const armKeys = "AllowKeyManagementOperationsThroughARM"

// setting is one as it is answered. Values are text, whatever their type.
type setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Type  string `json:"type"`
}

func (c *call) setting() (setting, error) {
	if err := c.managedHSM(); err != nil {
		return setting{}, err
	}
	all, err := c.conn.Settings(c.vault.Slot)
	return setting{armKeys, all[client.SettingARMKeys], "boolean"}, err
}

// settingNamed is setting for the name in the path.
func (c *call) settingNamed() (setting, error) {
	s, err := c.setting()
	if err == nil && !strings.EqualFold(c.name, armKeys) {
		err = &apiError{http.StatusNotFound, aSetting.notFound, "", "Setting not found.", nil}
	}
	return s, err
}

// settingList is GetSettings.
func settingList(c *call) error {
	s, err := c.setting()
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, map[string]any{"settings": []setting{s}})
}

// settingGet is GetSetting.
func settingGet(c *call) error {
	s, err := c.settingNamed()
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, s)
}

// settingUpdate is UpdateSetting. Its value is text; a JSON boolean means the same.
func settingUpdate(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	var value string
	if b, ok := o.members["value"].(bool); ok {
		value = map[bool]string{true: "true", false: "false"}[b]
		o.skip("value")
	} else {
		value = strings.ToLower(o.must("value"))
	}
	if value != "" && value != "true" && value != "false" {
		o.fail("value", "is not true or false")
	}
	if err := o.end(); err != nil {
		return err
	}
	s, err := c.settingNamed()
	if err != nil {
		return err
	}
	if err := c.conn.SetSettings(c.vault.Slot, map[string]string{client.SettingARMKeys: value}); err != nil {
		return err
	}
	s.Value = value
	return c.answer(http.StatusOK, s)
}
