-- Homeline's pages in the menu of a LuCI that makes it in Lua. The same as root/usr/share/luci/menu.d: a test compares
-- both. What is shown are the views of luci-app-homeline, which run in the browser; nothing else is Lua.

module("luci.controller.homeline", package.seeall)

-- LuCI keeps this function by itself, as byte code: it uses nothing from outside but the dispatcher's own functions.
function index()
	local function page(name, title, order)
		entry({ "admin", "services", "homeline", name }, view("homeline/" .. name), title, order)
	end

	local top = entry({ "admin", "services", "homeline" }, firstchild(), _("Homeline"), 60)

	top.acl_depends = { "luci-app-homeline" }
	top.uci_depends = { homeline = true }

	page("overview", _("Overview"), 10)
	page("messages", _("Messages"), 20)
	page("ussd", _("USSD"), 30)
	page("calls", _("Calls"), 40)
	page("forwarding", _("Forwarding"), 50)
	page("lines", _("Lines"), 60)
	page("settings", _("Settings"), 70)
	page("log", _("Log"), 80)
	page("wizard", _("Assistant"), 90)
end
