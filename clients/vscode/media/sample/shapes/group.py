from .shape import Shape


class Group(Shape):
    def __init__(self, members):
        super(Group, self).__init__("group")
        if not isinstance(members, (list, tuple)):
            raise TypeError("a group has a list of shapes")
        self.members = members
