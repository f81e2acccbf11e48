'use strict';
'require baseclass';
'require ui';

/* The lab's menu: the sections on top, the pages of the open one as tabs. */

function link(place, node) {
	return E('a', { 'href': L.url(...place) }, [ _(node.title) ]);
}

return baseclass.extend({
	__init__: function() {
		ui.menu.load().then((tree) => {
			const path = L.env.dispatchpath;
			const admin = tree.children[path[0]];
			const opened = admin.children[path[1]].children[path[2]];

			this.fill('topmenu', admin, path.slice(0, 1));
			this.fill('tabmenu', opened, path.slice(0, 3), path[3]);
		});
	},

	fill: function(id, node, place, active) {
		const holder = document.getElementById(id);
		const list = active ? holder.appendChild(E('ul', { 'class': 'tabs' })) : holder;

		ui.menu.getChildren(node).forEach((child) => {
			list.appendChild(E('li', { 'class': child.name == active ? 'active' : '' }, [ link(place.concat(child.name), child) ]));
		});

		holder.style.display = '';
	}
});
