-- The functions of luci.dispatcher that a controller's index() may use, and what it made with them: a line for each node,
-- its values with tabs between. Run as `lua5.1 dispatcher.lua FOLDER NAME`: FOLDER has controller/NAME.lua.

local nodes, order = {}, {}
local dispatcher = setmetatable({}, { __index = _G })

function dispatcher.entry(path, target, title, place)
	local name = table.concat(path, "/")

	if not nodes[name] then
		order[#order + 1] = name
		nodes[name] = {}
	end

	nodes[name].action, nodes[name].title, nodes[name].order = target, title, place

	return nodes[name]
end

function dispatcher.view(name)
	return { type = "view", path = name }
end

function dispatcher.firstchild()
	return { type = "firstchild" }
end

function dispatcher._(text)
	return text
end

local folder, name = arg[1], arg[2]

package.preload["luci.controller." .. name] = assert(loadfile(folder .. "/controller/" .. name .. ".lua"))

-- as LuCI's index cache keeps it: byte code, without anything from around it
local index = assert(loadstring(string.dump(require("luci.controller." .. name).index)))

setfenv(index, setmetatable({}, { __index = dispatcher }))()

for _, place in ipairs(order) do
	local node = nodes[place]
	local configs = {}

	for config, wanted in pairs(node.uci_depends or {}) do
		configs[#configs + 1] = config .. "=" .. tostring(wanted)
	end

	print(table.concat({
		place, node.title, tostring(node.order), node.action.type, node.action.path or "",
		table.concat(node.acl_depends or {}, ","), table.concat(configs, ",")
	}, "\t"))
end
