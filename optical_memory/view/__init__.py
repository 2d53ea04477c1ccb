"""The caller's own messages with old turns as pages: planned, drawn and reported for one reader. No model is needed."""

from optical_memory.view.recall import recall_tool
from optical_memory.view.report import ViewReport
from optical_memory.view.viewer import View, Viewer
from optical_memory.view.views import Views

__all__ = ["View", "ViewReport", "Viewer", "Views", "recall_tool"]
